// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// TestNoListenerIsSilent: what no rule is for leads to the same address, or is reported.
func TestNoListenerIsSilent(t *testing.T) {
	const own = "it is on an address of the guest's own"
	for _, tc := range []struct {
		name      string
		rules     []template.PortForward
		listeners []Listener
		want      string
	}{
		{"another address of the loopback", nil, []Listener{tcp("127.0.0.2:8080")}, "tcp 127.0.0.2:8080<-127.0.0.2:8080=127.0.0.2:8080"},
		{"several of them", nil, []Listener{tcp("127.0.0.2:80"), tcp("127.0.0.3:80"), tcp("127.0.0.1:80")},
			"tcp 127.0.0.1:80<-127.0.0.1:80=127.0.0.1:80 ; tcp 127.0.0.2:80<-127.0.0.2:80=127.0.0.2:80 ; " +
				"tcp 127.0.0.3:80<-127.0.0.3:80=127.0.0.3:80"},
		{"over UDP", nil, []Listener{udp("127.0.0.2:80")}, "udp 127.0.0.2:80!UDP on the guest's 127.0.0.2 cannot be forwarded; " +
			"let the program listen on 127.0.0.1 or on all addresses"},
		{"by a rule", []template.PortForward{{GuestIP: "127.0.0.2", GuestPort: 80, HostPort: 81}}, []Listener{tcp("127.0.0.2:80")},
			"tcp 127.0.0.1:81<-127.0.0.2:80=127.0.0.2:80"},
		{"ignored", []template.PortForward{{Ignore: true}}, []Listener{tcp("127.0.0.2:80"), tcp("10.0.2.15:80"), tcp("[fe80::1]:80")}, ""},
		{"the guest's own address", nil, []Listener{tcp("10.0.2.15:80"), udp("10.0.2.15:81")}, "tcp !" + own + " ; udp !" + own},
		{"one of IPv6", nil, []Listener{tcp("[fe80::1]:80"), tcp("[fd00::1]:81")}, "tcp !" + own + " ; tcp !" + own},
		{"beside one that is forwarded", nil, []Listener{tcp("10.0.2.15:80"), tcp("127.0.0.1:80")},
			"tcp 127.0.0.1:80<-127.0.0.1:80=127.0.0.1:80"},
		{"the system's", nil, []Listener{
			tcp("127.0.0.53:53"), udp("127.0.0.54:53"), udp("10.0.2.15:68"), udp("[fe80::1]:546"), tcp("10.0.2.15:15353"), udp("127.0.0.1:323"),
			tcp("10.0.2.15:65353"), udp("10.0.2.15:65353"),
		}, ""},
		{"as the system's, but another's", nil, []Listener{tcp("127.0.0.1:323")}, "tcp 127.0.0.1:323<-127.0.0.1:323=127.0.0.1:323"},
	} {
		const hint = "; let the program listen on all addresses or on 127.0.0.1, or add a rule with guestIP to portForwards in the template"
		got := strings.ReplaceAll(show(plan(rules(tc.rules...), tc.listeners)), hint, "")
		if got != tc.want {
			t.Errorf("%s:\n got %s\nwant %s", tc.name, got, tc.want)
		}
	}
}

// TestOwnAddressOfUDP: clients have such sockets for the time of an answer.
func TestOwnAddressOfUDP(t *testing.T) {
	m := NewManager(Config{Settle: time.Minute})
	m.listeners = []Listener{udp("10.0.2.15:53"), tcp("10.0.2.15:53")}
	if settled, _ := m.settled(); !slices.Equal(settled, m.listeners[1:]) {
		t.Errorf("at once: %v", settled)
	}
	m.settling[m.listeners[0]] = time.Now().Add(-2 * time.Minute)
	if settled, _ := m.settled(); len(settled) != 1 {
		t.Errorf("soon: %v", settled)
	}
	m.settling[m.listeners[0]] = time.Now().Add(-time.Hour)
	if settled, _ := m.settled(); len(settled) != 2 {
		t.Errorf("at last: %v", settled)
	}
}

// tcpPort returns a port that is free on 127.0.0.1 now, and what listens on it at ::1.
func tcpPort(t *testing.T) (int, net.Listener) {
	t.Helper()
	six, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("this host has no ::1")
	}
	t.Cleanup(func() { _ = six.Close() })
	return six.Addr().(*net.TCPAddr).Port, six
}

// TestBothLoopbacks: a port is on ::1, too, and only a conflict there is reported.
func TestBothLoopbacks(t *testing.T) {
	port, taken := tcpPort(t)
	m, changes := run(t, &monitor{}, template.PortForward{GuestPort: 80, HostPort: port})
	m.Listening([]Listener{tcp("0.0.0.0:80")})
	want := vm.Forward{Protocol: "tcp", Host: fmt.Sprintf("127.0.0.1:%d", port), Guest: "0.0.0.0:80"}
	conflict := fmt.Sprintf("[::1]:%d", port)
	got := <-changes
	if len(got) != 2 || got[0] != want || got[1].Host != conflict || !strings.HasPrefix(got[1].Error, "address already in use") {
		t.Fatalf("got %+v", got)
	}
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	if got := <-changes; len(got) != 1 || got[0] != want {
		t.Fatalf("got %+v", got)
	}
	conn, err := net.Dial("tcp", conflict)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	m.Listening(nil)
	if got := <-changes; len(got) != 0 {
		t.Fatalf("got %+v", got)
	}
	if conn, err := net.Dial("tcp", conflict); err == nil {
		t.Errorf("still open: %v", conn.Close())
	}
}

// TestNoLoneIPv6: where 127.0.0.1 is another program's, localhost does not lead to the guest in
// part.
func TestNoLoneIPv6(t *testing.T) {
	port, six := tcpPort(t)
	taken, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Skip(err)
	}
	defer taken.Close()
	if err := six.Close(); err != nil {
		t.Fatal(err)
	}
	m, changes := run(t, &monitor{}, template.PortForward{GuestPort: 80, HostPort: port})
	m.Listening([]Listener{tcp("0.0.0.0:80")})
	if got := <-changes; len(got) != 1 || got[0].Error == "" {
		t.Fatalf("got %+v", got)
	}
	if conn, err := net.Dial("tcp", fmt.Sprintf("[::1]:%d", port)); err == nil {
		t.Errorf("::1 leads to the guest: %v", conn.Close())
	}
}

// TestBoth: a rule for ::1 itself is left alone, and only IPv4 addresses of everybody have a twin.
func TestBoth(t *testing.T) {
	for _, tc := range []struct {
		rule template.PortForward
		want string
	}{
		{template.PortForward{GuestPort: 80}, "127.0.0.1:80 [::1]:80"},
		{template.PortForward{GuestPort: 80, HostIP: "0.0.0.0"}, "0.0.0.0:80 [::1]:80"},
		{template.PortForward{GuestPort: 80, HostIP: "::"}, "[::]:80"},
		{template.PortForward{GuestPort: 80, HostIP: "::1"}, "[::1]:80"},
		{template.PortForward{GuestPort: 80, HostIP: "127.0.0.2"}, "127.0.0.2:80"},
		{template.PortForward{GuestPort: 80, HostIP: "192.0.2.1"}, "192.0.2.1:80"},
		{template.PortForward{GuestSocket: "/g", HostPort: 80}, "127.0.0.1:80 [::1]:80"},
		{template.PortForward{GuestPort: 80, HostSocket: "/h"}, "/h"},
		{template.PortForward{GuestPort: 80, Proto: template.ProtoUDP}, "127.0.0.1:80 [::1]:80"}, // of the implicit rule for TCP
	} {
		var got []string
		for _, r := range both(plan(rules(tc.rule), []Listener{tcp("0.0.0.0:80")})) {
			if tc.rule.GuestSocket == "" || r.targets[0].network == protoUnix {
				got = append(got, r.host)
			}
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%+v: got %v, want %s", tc.rule, got, tc.want)
		}
	}
	routes := both(plan(rules(template.PortForward{GuestPort: 80, HostIP: "::1"}), []Listener{tcp("0.0.0.0:80"), tcp("0.0.0.0:81")}))
	if got := len(routes); got != 3 {
		t.Errorf("got %d routes: %s", got, show(routes))
	}
}
