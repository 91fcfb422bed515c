// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"golang.org/x/time/rate"

	"rancherdesktop.io/rdd/internal/bounded"
	"rancherdesktop.io/rdd/internal/sshx"
	"rancherdesktop.io/rdd/internal/vm/qemu/guest"
	"rancherdesktop.io/rdd/internal/vm/qemu/hostagent/forward"
	"rancherdesktop.io/rdd/internal/vm/qemu/machine"
)

const (
	// watchPause is the pause before the guest is watched again after the connection broke. It doubles
	// up to longestWatchPause, and begins anew after a watch that has lasted longer than that.
	watchPause, longestWatchPause = time.Second, 30 * time.Second
	// maxReport is the longest report accepted from a guest, in bytes: tens of thousands of sockets.
	maxReport = 1 << 20
	// A guest sends at most five reports a second. Of one that sends more, reportBurst are read at
	// once and reportRate in each second; the rest waits in the guest.
	reportRate, reportBurst = 10, 50
	// reportBytes are read in each second, of reports that are no lines at all.
	reportBytes = 4 << 20
)

// forward opens the template's sockets, and begins to watch the guest's ports and clock.
func (a *agent) forward(m *machineProcess) {
	shown := &shownForwards{show: a.state.setForwards}
	manager := forward.NewManager(forward.Config{
		Rules: m.template.PortRulesBeside(guest.Ports(a.ports().moved(a.record.Machine.Image.Built()))...),
		Dial:  m.link.Dial, Monitor: m.monitor, NetDevice: machine.NetDevice,
		Run: func(ctx context.Context, line string) error {
			_, err := a.askOnce(ctx, m, line)
			return err
		},
		Changed: shown.setOpen, Log: a.Log, NoIPv6: !hasIPv6(),
	})
	manager.Open(m.ctx)
	clock := newClock(a, m)
	m.work.Go(func() { manager.Run(m.ctx) })
	reverse := forward.Reverse{Rules: m.template.Reversed(), Failed: shown.setReverse, Log: a.Log}
	reverse.Listen = func(ctx context.Context, path string) (net.Listener, error) { return a.listenInGuest(ctx, m, path) }
	m.work.Go(func() { reverse.Run(m.ctx) })
	m.work.Go(clock.run)
	m.work.Go(func() {
		a.watchGuest(m, func(r forward.Report) {
			if r.Listening {
				manager.Listening(r.Listeners)
			}
			if !r.Time.IsZero() {
				clock.observe(r.Time)
			}
		})
	})
}

// hasIPv6 reports whether this host has the address ::1.
func hasIPv6() bool {
	listener, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		return false
	}
	return listener.Close() == nil
}

// watchGuest receives the guest's reports until the machine ends.
func (a *agent) watchGuest(m *machineProcess, take func(forward.Report)) {
	pause := watchPause
	for {
		begun := time.Now()
		err := a.watchOnce(m, take)
		if m.ctx.Err() != nil || m.hasEnded() {
			return
		}
		if time.Since(begun) > longestWatchPause {
			pause = watchPause
		}
		a.Log.Warn("the guest's reports have ended: watching it again", "error", err, "pause", pause)
		select {
		case <-m.ctx.Done():
		case <-m.ended:
		case <-time.After(pause):
		}
		pause = min(2*pause, longestWatchPause)
	}
}

var errWatchEnded = errors.New("the program that watches the guest ended")

// watchOnce receives reports until the connection to the guest breaks or the program there ends.
func (a *agent) watchOnce(m *machineProcess, take func(forward.Report)) error {
	reader, writer := io.Pipe() // which nobody writes to
	defer func() { _ = writer.Close() }()
	limiter := rate.NewLimiter(reportRate, reportBurst)
	lines := &bounded.Lines{
		Limit: maxReport,
		Take: func(line string) {
			if limiter.Wait(m.ctx) != nil {
				return // the machine ends
			}
			report, err := forward.ParseReport(line)
			if err != nil {
				a.Log.Warn("reading the guest's report", "error", err)
				return
			}
			take(report)
		},
		Skipped: func() {
			if limiter.Wait(m.ctx) == nil {
				a.Log.Warn("reading the guest's report", "error", bounded.ErrTooLong)
			}
		},
	}
	paced := &pacedWriter{ctx: m.ctx, limiter: rate.NewLimiter(reportBytes, reportBytes), to: lines}
	code, err := a.run(m.ctx, m, sshx.Command{Line: sshx.Clean(forward.WatchCommand()), Stdin: reader, Stdout: paced})
	if err == nil {
		a.Log.Warn("the watch in the guest has ended", "code", code)
		err = errWatchEnded
	}
	return err
}

// pacedWriter passes on as many bytes a second as its limiter allows, until ctx ends.
type pacedWriter struct {
	ctx     context.Context
	limiter *rate.Limiter
	to      io.Writer
}

// Write implements io.Writer.
func (w *pacedWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), w.limiter.Burst())
		if err := w.limiter.WaitN(w.ctx, n); err != nil {
			return len(p) - len(rest), err
		}
		if _, err := w.to.Write(rest[:n]); err != nil {
			return len(p) - len(rest), err
		}
		rest = rest[n:]
	}
	return len(p), nil
}
