// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/qmp"
	"rancherdesktop.io/rdd/internal/sshx"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/machine"
	"rancherdesktop.io/rdd/internal/vm/template"
)

const (
	// qmpTimeout bounds each call.
	qmpTimeout = 5 * time.Second
	// qmpRetry is the pause before the next attempt to connect to QEMU. While what answers is not the
	// machine it doubles, up to longestQMPRetry.
	qmpRetry, longestQMPRetry = 100 * time.Millisecond, 5 * time.Second
	// endPause is how long a QEMU that does not answer is given to end.
	endPause = 5 * time.Second
	// eventBurst events of QEMU are logged at once and one in each second.
	eventBurst = 100
	// maxEventData is how many bytes of an event's data are logged.
	maxEventData = 500
)

var errNoQMP = errors.New("QEMU does not answer on its control socket")

// machineProcess is the QEMU of the machine, and what serves it in this process.
type machineProcess struct {
	identity    process.Identity
	accelerator machine.Accelerator
	template    *template.Template
	link        *sshx.Link
	agent       *agent

	ctx       context.Context // ends with close
	cancel    context.CancelFunc
	ended     chan struct{} // closed when QEMU has ended
	connected chan struct{} // closed when QMP has answered once
	work      sync.WaitGroup

	events *rate.Limiter // of those that are logged

	mu     sync.Mutex
	qmp    *qmp.Client
	reason string // why QEMU says the machine shut down
}

// watch begins to supervise a QEMU that was started.
func (a *agent) watch(id process.Identity, accelerator machine.Accelerator, t *template.Template) *machineProcess {
	ctx, cancel := context.WithCancel(context.Background())
	m := &machineProcess{
		identity: id, accelerator: accelerator, template: t, agent: a, ctx: ctx, cancel: cancel,
		ended: make(chan struct{}), connected: make(chan struct{}),
		link: sshx.NewLink(a.dial), events: rate.NewLimiter(1, eventBurst),
	}
	m.work.Go(m.awaitEnd)
	m.work.Go(m.keepQMP)
	m.work.Go(m.keepLogs)
	return m
}

// close ends everything here that serves the machine; QEMU itself is left alone.
func (m *machineProcess) close() {
	m.cancel()
	m.link.Close()
	m.work.Wait()
}

// awaitEnd closes ended when QEMU has ended.
func (m *machineProcess) awaitEnd() {
	if err := m.identity.Wait(m.ctx); err == nil {
		close(m.ended)
	} else if m.ctx.Err() == nil {
		m.agent.Log.Error("waiting for QEMU's end", "error", err)
	}
}

func (m *machineProcess) hasEnded() bool {
	select {
	case <-m.ended:
		return true
	default:
		return false
	}
}

// waitEnd reports whether QEMU ends within d.
func (m *machineProcess) waitEnd(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-m.ended:
		return true
	case <-timer.C:
		return m.hasEnded()
	}
}

// isEnding reports whether QEMU is ending or has ended: its connections break a moment before the
// process is gone. It waits for the end of one that does not answer.
func (m *machineProcess) isEnding() bool {
	return m.execute("query-status") != nil && m.waitEnd(endPause)
}

// keepQMP keeps a connection to QEMU, and makes it again when it breaks. QEMU serves one client at
// a time, so another one may delay that.
func (m *machineProcess) keepQMP() {
	answered := sync.OnceFunc(func() { close(m.connected) })
	logged := ""
	for pause := qmpRetry; ; pause = min(2*pause, longestQMPRetry) {
		client, err := m.dialQMP()
		var unconnected *net.OpError
		switch {
		case err == nil:
			pause, logged = qmpRetry, ""
		case errors.As(err, &unconnected):
			pause = qmpRetry // QEMU is only starting, or ending
		case err.Error() != logged && !m.hasEnded():
			logged = err.Error()
			m.agent.Log.Warn("connecting to QEMU", "error", err)
		}
		if err == nil {
			answered()
			select {
			case <-client.Done():
			case <-m.ctx.Done():
			}
			m.setQMP(nil)
			_ = client.Close()
		}
		select {
		case <-m.ended:
			return
		case <-m.ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// dialQMP connects, and verifies by its UUID that the machine is the right one.
func (m *machineProcess) dialQMP() (*qmp.Client, error) {
	ctx, cancel := context.WithTimeout(m.ctx, qmpTimeout)
	defer cancel()
	client, err := qmp.Dial(ctx, m.agent.Dir.QMPSocket(), m.onEvent)
	if err != nil {
		return nil, err
	}
	var answer struct{ UUID string }
	err = client.Execute(ctx, "query-uuid", nil, &answer)
	if err == nil && answer.UUID != m.agent.record.Machine.UUID {
		err = fmt.Errorf("another machine (%s) answers at %s", answer.UUID, m.agent.Dir.QMPSocket())
	}
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	m.setQMP(client)
	return client, nil
}

func (m *machineProcess) setQMP(client *qmp.Client) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.qmp = client
}

// monitor runs a command of QEMU's human monitor, whose response is a text for people. Some
// features have no QMP command.
func (m *machineProcess) monitor(ctx context.Context, command string) (answer string, err error) {
	err = m.executeFor(ctx, "human-monitor-command", map[string]string{"command-line": command}, &answer)
	return answer, err
}

// execute runs a QMP command.
func (m *machineProcess) execute(command string) error {
	return m.executeFor(context.Background(), command, nil, nil)
}

// executeFor runs a QMP command. It waits for the first connection, but not for one that is made
// again.
func (m *machineProcess) executeFor(ctx context.Context, command string, arguments, result any) error {
	ctx, cancel := context.WithTimeout(ctx, qmpTimeout)
	defer cancel()
	select {
	case <-m.connected:
	case <-m.ended:
		return errNoQMP
	case <-ctx.Done():
		return errNoQMP
	}
	m.mu.Lock()
	client := m.qmp
	m.mu.Unlock()
	if client == nil {
		return errNoQMP
	}
	return client.Execute(ctx, command, arguments, result)
}

// onEvent logs events, and keeps the reason of a shutdown.
func (m *machineProcess) onEvent(e qmp.Event) {
	if m.events.Allow() {
		m.agent.Log.Info("QEMU event", "event", fmt.Sprintf("%.100s", e.Name), "data", fmt.Sprintf("%.*s", maxEventData, e.Data))
	}
	if e.Name != "SHUTDOWN" {
		return
	}
	var data struct{ Reason string }
	if err := json.Unmarshal(e.Data, &data); err != nil {
		m.agent.Log.Warn("reading a QEMU event", "error", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reason = data.Reason
}

// shutdownReasons are messages for QEMU's reasons (qapi/run-state.json, ShutdownCause).
var shutdownReasons = map[string]string{
	"guest-shutdown": "the guest powered itself off",
	"guest-reset":    "the guest restarted itself or its kernel panicked",
	"guest-panic":    "the guest's kernel panicked",
	"host-signal":    "QEMU was ended by a signal",
	"host-qmp-quit":  "QEMU was told to quit",
}

// cause is the fault of a machine that has ended without being asked to.
func (m *machineProcess) cause() error {
	m.mu.Lock()
	reason := m.reason
	m.mu.Unlock()
	text, ok := shutdownReasons[reason]
	if !ok {
		text = "QEMU ended unexpectedly"
	}
	return &vm.Fault{Kind: vm.FaultProcessEnded, Text: text + "; " + m.agent.logTails()}
}
