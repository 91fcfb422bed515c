// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

func tcp(address string) Listener { return Listener{"tcp", netip.MustParseAddrPort(address)} }
func udp(address string) Listener { return Listener{"udp", netip.MustParseAddrPort(address)} }

func TestParseReport(t *testing.T) {
	for _, tc := range []struct {
		line string
		want []Listener
	}{
		{"listening", nil},
		{"listening tcp/0100007F:1F90\r", []Listener{tcp("127.0.0.1:8080")}},
		{"listening tcp/00000000:0016 tcp6/00000000000000000000000000000000:0016", []Listener{tcp("0.0.0.0:22"), tcp("[::]:22")}},
		{"listening tcp6/00000000000000000000000001000000:1F90", []Listener{tcp("[::1]:8080")}},
		{"listening tcp6/0000000000000000FFFF00000100007F:1F90", []Listener{tcp("127.0.0.1:8080")}},
		{
			"listening udp/0F02000A:14E9 udp6/000080FE00000000FF005450120034FE:0222",
			[]Listener{udp("10.0.2.15:5353"), udp("[fe80::5054:ff:fe34:12]:546")},
		},
		{"listening tcp/0100007F:1F90 tcp/0100007F:1F90 udp/00000000:0000", []Listener{tcp("127.0.0.1:8080")}},
	} {
		report, err := ParseReport(tc.line)
		if err != nil || !report.Listening || !slices.Equal(report.Listeners, tc.want) {
			t.Errorf("%q: %+v, %v", tc.line, report, err)
		}
	}
	if report, err := ParseReport("time 1763850000.25"); err != nil || !report.Time.Equal(time.UnixMilli(1763850000250)) || report.Listening {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestBadReports(t *testing.T) {
	for _, line := range []string{
		"", "hello", "listening tcp", "listening tcp/", "listening tcp/0100007F", "listening tcp/0100007F:", "listening tcp/0100007F:1F9000",
		"listening tcp/0100007:1F90", "listening tcp/01:1F90", "listening sctp/0100007F:1F90", "listening tcp/ZZZZZZZZ:1F90",
		"listening tcp/0100007F:-1",
		"time", "time now", "time -1", "time NaN", "time 1e300", "time Inf", "\x00", strings.Repeat("x", 1000),
	} {
		report, err := ParseReport(line)
		if err == nil || report.Listening || len(err.Error()) > 300 {
			t.Errorf("%.50q: %+v, %v", line, report, err)
		}
	}
}

func FuzzParseReport(f *testing.F) {
	f.Add("listening tcp/0100007F:1F90 tcp6/00000000000000000000000001000000:1F90 udp/00000000:14E9")
	f.Add("time 1763850000.123456")
	f.Add("listening tcp/")
	f.Fuzz(func(t *testing.T, line string) {
		report, err := ParseReport(line)
		if err != nil && (report.Listening || len(report.Listeners) > 0 || !report.Time.IsZero()) {
			t.Errorf("an error and a report: %+v, %v", report, err)
		}
		for _, l := range report.Listeners {
			if !l.Addr.IsValid() || l.Addr.Port() == 0 {
				t.Errorf("%+v", l)
			}
		}
	})
}
