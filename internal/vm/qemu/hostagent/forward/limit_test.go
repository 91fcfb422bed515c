// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"rancherdesktop.io/rdd/internal/vm/template"
)

// many listens on n TCP ports from first on.
func many(first, n int) []Listener {
	var all []Listener
	for i := range n {
		all = append(all, Listener{template.ProtoTCP, netip.AddrPortFrom(v4Loopback(), uint16(first+i))})
	}
	return all
}

// TestLimit: of more ports than a machine may forward the template's own stay, then those that are
// open. Of the rest some are reported with the reason.
func TestLimit(t *testing.T) {
	own := rules(
		template.PortForward{GuestSocket: "/run/x.sock", HostSocket: "/tmp/x.sock"},
		template.PortForward{GuestPortRange: template.PortRange{60000, 60009}, HostPortRange: template.PortRange{40000, 40009}},
	)
	open := func(k key) bool { return k.host == "127.0.0.1:50000" }
	for _, tc := range []struct {
		ports, routes, leftOut int
	}{{1, 12, 0}, {maxForwards - 11, maxForwards, 0}, {maxForwards - 10, maxForwards + 1, 1}, {30000, maxForwards + maxLeftOut, maxLeftOut}} {
		listeners := slices.Concat(many(2000, tc.ports-1), many(50000, 1), many(60000, 10))
		routes := limit(plan(own, listeners), open)
		out := slices.IndexFunc(routes, func(r route) bool { return r.err != "" })
		if out < 0 {
			out = len(routes)
		}
		if len(routes) != tc.routes || len(routes)-out != tc.leftOut {
			t.Errorf("%d ports: %d routes, %d left out", tc.ports, len(routes), len(routes)-out)
		}
		for _, host := range []string{"/tmp/x.sock", "127.0.0.1:40000", "127.0.0.1:40009", "127.0.0.1:50000"} {
			if i := slices.IndexFunc(routes, func(r route) bool { return r.host == host }); i < 0 || i >= out {
				t.Errorf("%d ports: %s is left out", tc.ports, host)
			}
		}
		for _, r := range routes[out:] {
			if r.err != leftOut {
				t.Errorf("left out because of %q", r.err)
			}
		}
	}
}

// TestPlanOfAllPorts: the report of a hostile guest is planned in a moment.
func TestPlanOfAllPorts(t *testing.T) {
	listeners := many(1, 65535)
	if routes := plan(rules(), listeners); len(routes) != 65533 { // all but those of ssh
		t.Errorf("%d routes", len(routes))
	}
}

// TestALimitedPortIsClosedAndComesBack: a forward that loses its place to one of the template is
// closed.
func TestALimitedPortIsClosedAndComesBack(t *testing.T) {
	m := NewManager(Config{Rules: rules()})
	var ended []string
	for i := range maxForwards {
		k := key{template.ProtoTCP, fmt.Sprintf("127.0.0.1:%d", 2000+i)}
		m.open[k] = fakeEnd(func() { ended = append(ended, k.host) })
	}
	m.config.Log, m.reported = slog.New(slog.DiscardHandler), true
	routes := limit(plan(rules(template.PortForward{GuestPort: 60000}), append(many(2000, maxForwards), many(60000, 1)...)),
		func(k key) bool { return m.open[k] != nil })
	m.closeOthers(t.Context(), routes)
	if want := []string{fmt.Sprintf("127.0.0.1:%d", 2000+maxForwards-1)}; !slices.Equal(ended, want) {
		t.Errorf("ended %q, want %q", ended, want)
	}
}

// TestFlapping: a guest that opens and closes a port as fast as it can causes one change a second
// in the long run, after some at once.
func TestFlapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewManager(Config{})
		const lasting = 100 * time.Second
		changes := 0
		for begun := time.Now(); time.Since(begun) < lasting; changes++ {
			m.changes++
			m.settleDown(t.Context())
		}
		if most := changeBurst/changeCost + int(lasting.Seconds()); changes > most || changes < most/2 {
			t.Errorf("%d changes in %s, want at most %d", changes, lasting, most)
		}
		// One pass may change everything.
		m.changes = 10 * changeBurst
		m.settleDown(t.Context())
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		m.changes = changeBurst
		begun := time.Now()
		if m.settleDown(ctx); time.Since(begun) != 0 {
			t.Error("it waits although the machine ends")
		}
	})
}

// fakeEnd is an open forward that calls itself when it is closed.
type fakeEnd func()

func (fakeEnd) fits(route) bool { return true }

func (f fakeEnd) close(context.Context) error {
	f()
	return nil
}
