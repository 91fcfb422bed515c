// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/template"
)

const (
	// defaultRetry is the pause between attempts to open what could not be opened.
	defaultRetry = 2 * time.Second
	// defaultSettle is how long a UDP socket must exist before it is forwarded. Sockets of clients
	// look like those of servers, but are closed as soon as the client has its answer.
	defaultSettle = 500 * time.Millisecond
	// ownAddressFactor is how much longer that is for one on an address of the guest's own.
	ownAddressFactor = 20
	// clientPorts is the first ephemeral port, unless the guest is configured otherwise
	// (ip_local_port_range in ip(7)).
	clientPorts = 32768
)

// Config is what a Manager needs. All fields must be set but the last three.
type Config struct {
	// Rules of the template: see template.PortRules.
	Rules []template.PortForward
	// Dial connects to the guest: see sshx.Link.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Monitor runs a command of QEMU's human monitor and returns its response.
	Monitor func(ctx context.Context, command string) (string, error)
	// Run runs a shell line in the guest. An exit code other than 0 is an error.
	Run func(ctx context.Context, line string) error
	// NetDevice is the id of the guest's network in QEMU.
	NetDevice string
	// Changed is called with all forwards whenever they change, in the order of vm.State.
	Changed func([]vm.Forward)
	Log     *slog.Logger
	// NoIPv6 says that the host has no ::1.
	NoIPv6 bool
	// Retry and Settle replace the default pauses.
	Retry, Settle time.Duration
}

// Manager opens and closes forwards by the guest's reports and the template's rules.
type Manager struct {
	config  Config
	reports chan []Listener

	// The following fields are used by the goroutine of Open and Run only.
	listeners   []Listener
	reported    bool // listeners are known
	settling    map[Listener]time.Time
	open        map[key]opened
	failed      map[key]string
	redirected  []string // the ports that the guest redirects to its loopback; nil: not known
	redirectErr error    // why it does not
	published   []vm.Forward
	changes     int // since the last call of settleDown
	limiter     *rate.Limiter
	serving     sync.WaitGroup
}

// opened is the host's end of a forward that works.
type opened interface {
	// fits reports whether it serves the route r too. It is given r's targets then.
	fits(r route) bool
	// close ends it; its connections go on.
	close(ctx context.Context) error
}

// NewManager returns a Manager that does nothing yet.
func NewManager(config Config) *Manager {
	config.Retry, config.Settle = cmp.Or(config.Retry, defaultRetry), cmp.Or(config.Settle, defaultSettle)
	return &Manager{
		config: config, reports: make(chan []Listener, 1), limiter: newChangeLimiter(),
		settling: map[Listener]time.Time{}, open: map[key]opened{}, failed: map[key]string{},
	}
}

// Listening takes a report of all that listens in the guest. It never blocks.
func (m *Manager) Listening(listeners []Listener) {
	for {
		select {
		case m.reports <- listeners:
			return
		default:
		}
		select {
		case <-m.reports: // superseded
		default:
		}
	}
}

// Open forwards the guest's sockets, and reads which UDP ports QEMU forwards already. ctx is that
// of Run. What Open has opened works when it returns; ports follow in Run.
func (m *Manager) Open(ctx context.Context) {
	known, err := m.readBack(ctx)
	if err != nil {
		m.config.Log.Warn("asking QEMU what it forwards", "error", err)
	}
	maps.Copy(m.open, known)
	m.apply(ctx)
}

// Run adjusts the forwards to the guest's reports until ctx ends. When it returns, all connections
// have ended.
func (m *Manager) Run(ctx context.Context) {
	defer m.serving.Wait()
	for {
		pause := m.apply(ctx)
		m.settleDown(ctx)
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case listeners := <-m.reports:
			m.take(listeners)
		case <-timer.C:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// take replaces the listeners. Those of the first report count as settled, as it is not known how
// long they exist.
func (m *Manager) take(listeners []Listener) {
	if !m.reported {
		for _, l := range listeners {
			m.settling[l] = time.Time{}
		}
	}
	m.listeners, m.reported = listeners, true
}

// never is a pause without end.
const never = 24 * time.Hour

// apply makes the forwards what they should be, and returns after which pause it is to be called
// again.
func (m *Manager) apply(ctx context.Context) (pause time.Duration) {
	settled, pause := m.settled()
	routes := limit(plan(m.config.Rules, settled), func(k key) bool { return m.open[k] != nil })
	if !m.config.NoIPv6 {
		routes = both(routes)
	}
	m.closeOthers(ctx, routes)
	loopback := func(r route) bool { return r.loopback }
	forwards := m.ensureAll(ctx, slices.DeleteFunc(slices.Clone(routes), loopback))
	// After the others, because it takes the guest some time.
	m.redirect(ctx, routes)
	forwards = append(forwards, m.ensureAll(ctx, slices.DeleteFunc(routes, func(r route) bool { return !loopback(r) }))...)
	if m.redirectErr != nil || len(m.failed) > 0 {
		pause = min(pause, m.config.Retry)
	}
	m.publish(forwards)
	return pause
}

// ensureAll opens routes, and returns the state of each.
func (m *Manager) ensureAll(ctx context.Context, routes []route) []vm.Forward {
	forwards := make([]vm.Forward, 0, len(routes))
	for _, r := range routes {
		err := ""
		switch {
		case r.of != "":
			if err = m.ensureTwin(ctx, r); err == "" {
				continue
			}
		case r.err != "":
		case r.loopback && m.redirectErr != nil:
			err = m.redirectErr.Error()
		default:
			err = m.ensure(ctx, r)
		}
		forwards = append(forwards, r.forward(err))
	}
	return forwards
}

// ensureTwin opens the way from ::1 that goes with another one. It is reported only when there is
// that one and this one cannot be opened.
func (m *Manager) ensureTwin(ctx context.Context, r route) string {
	if m.open[key{r.proto, r.of}] != nil {
		return m.ensure(ctx, r)
	}
	if m.open[r.key] != nil {
		m.end(ctx, r.key)
	}
	delete(m.failed, r.key)
	return ""
}

// publish passes on the forwards if they have changed.
func (m *Manager) publish(forwards []vm.Forward) {
	slices.SortFunc(forwards, func(a, b vm.Forward) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Guest, b.Guest))
	})
	if !slices.Equal(forwards, m.published) {
		m.published = forwards
		m.config.Changed(slices.Clone(forwards))
	}
}

// closeOthers ends the forwards without a route. Before the guest's first report the routes are not
// known.
func (m *Manager) closeOthers(ctx context.Context, routes []route) {
	wanted := map[key]bool{}
	for _, r := range routes {
		if r.err == "" {
			wanted[r.key] = true
		}
	}
	maps.DeleteFunc(m.failed, func(k key, _ string) bool { return !wanted[k] })
	if !m.reported {
		return
	}
	for k := range m.open {
		if !wanted[k] {
			m.end(ctx, k)
		}
	}
}

// end closes a forward.
func (m *Manager) end(ctx context.Context, k key) {
	m.changes++
	m.config.Log.Info("not forwarding any more", "protocol", k.proto, "host", k.host)
	if err := m.open[k].close(ctx); err != nil {
		m.config.Log.Error("closing a forward", "protocol", k.proto, "host", k.host, "error", err)
	}
	delete(m.open, k)
}

// ensure opens a route unless it is open, and returns why it cannot be.
func (m *Manager) ensure(ctx context.Context, r route) string {
	if known := m.open[r.key]; known != nil {
		if known.fits(r) {
			return ""
		}
		m.end(ctx, r.key)
	}
	end, err := m.begin(ctx, r)
	if err != nil {
		reason := explain(err, r.host)
		if m.failed[r.key] != reason {
			m.changes++
			m.failed[r.key] = reason
			m.config.Log.Warn("cannot forward", "protocol", r.proto, "host", r.host, "guest", r.guest, "error", reason)
		}
		return reason
	}
	delete(m.failed, r.key)
	m.changes++
	m.open[r.key] = end
	m.config.Log.Info("forwarding", "protocol", r.proto, "host", r.host, "guest", r.guest)
	return ""
}

// begin opens the host's end of a route.
func (m *Manager) begin(ctx context.Context, r route) (opened, error) {
	if r.proto == template.ProtoUDP {
		return m.beginUDP(ctx, r)
	}
	return m.beginStream(ctx, r)
}
