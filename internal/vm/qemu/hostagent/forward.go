// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"rancherdesktop.io/rdd/internal/sshx"
	"rancherdesktop.io/rdd/internal/vm/qemu/hostagent/forward"
	"rancherdesktop.io/rdd/internal/vm/qemu/machine"
)

// watchPause is the pause before the guest is watched again after the connection broke.
const watchPause = time.Second

// forward opens the template's sockets, and begins to watch the guest's ports and clock.
func (a *agent) forward(m *machineProcess) {
	manager := forward.NewManager(forward.Config{
		Rules: m.template.PortRules(), Dial: m.link.Dial, Monitor: m.monitor, NetDevice: machine.NetDevice,
		Run: func(ctx context.Context, line string) error {
			_, err := a.askOnce(ctx, m, line)
			return err
		},
		Changed: a.state.setForwards, Log: a.Log, NoIPv6: !hasIPv6(),
	})
	manager.Open(m.ctx)
	clock := newClock(a, m)
	m.work.Go(func() { manager.Run(m.ctx) })
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
	for {
		err := a.watchOnce(m, take)
		if m.ctx.Err() != nil || m.hasEnded() {
			return
		}
		a.Log.Warn("the guest's reports have ended: watching it again", "error", err)
		select {
		case <-m.ctx.Done():
		case <-m.ended:
		case <-time.After(watchPause):
		}
	}
}

var errWatchEnded = errors.New("the program that watches the guest ended")

// watchOnce receives reports until the connection to the guest breaks or the program there ends.
func (a *agent) watchOnce(m *machineProcess, take func(forward.Report)) error {
	reader, writer := io.Pipe() // which nobody writes to
	defer func() { _ = writer.Close() }()
	lines := &forward.Lines{Take: func(line string) {
		report, err := forward.ParseReport(line)
		if err != nil {
			a.Log.Warn("reading the guest's report", "error", err)
			return
		}
		take(report)
	}}
	code, err := a.run(m.ctx, m, sshx.Command{Line: sshx.Clean(forward.WatchCommand()), Stdin: reader, Stdout: lines})
	if err == nil {
		a.Log.Warn("the watch in the guest has ended", "code", code)
		err = errWatchEnded
	}
	return err
}
