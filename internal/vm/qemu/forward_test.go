// SPDX-License-Identifier: Apache-2.0

//go:build linux

package qemu_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu"
	"rancherdesktop.io/rdd/internal/vm/qemu/protocol"
)

// guestService is something that listens in the fake guest, and where the host is to reach it.
type guestService struct{ guest, host string }

// newService starts a TCP service that repeats what it reads, to the end, and picks a port for the
// host.
func newService(t *testing.T) guestService {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
			}()
		}
	}()
	return guestService{guest: listener.Addr().String(), host: freePort(t, "tcp")}
}

func freePort(t *testing.T, network string) string {
	t.Helper()
	if network == "udp" {
		conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
		must(t, err)
		must(t, conn.Close())
		return conn.LocalAddr().String()
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, listener.Close())
	return listener.Addr().String()
}

func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// rule forwards the service in a template.
func (s guestService) rule() string {
	return fmt.Sprintf("- {guestPort: %s, hostPort: %s}\n", port(s.guest), port(s.host))
}

// noOthers keeps other ports of this host, which the fake guest shares, from being forwarded.
const noOthers = "- {guestPortRange: [1, 65535], ignore: true}\n"

// withRules makes and starts x with rules of its own.
func withRules(t *testing.T, rules ...string) (*fakeHost, *qemu.Engine, vm.State) {
	t.Helper()
	h := newFakeHost(t)
	e := h.engine(t)
	forwards := "portForwards:\n- {guestSocket: /var/run/docker.sock, hostSocket: \"{{.Dir}}/docker.sock\"}\n" + strings.Join(rules, "") +
		noOthers
	text, _, _ := strings.Cut(guestTemplate, "portForwards:")
	must(t, e.Apply(t.Context(), spec(text+forwards)))
	await(t, e, "created", in(vm.PhaseStopped))
	adopting(t, e)
	must(t, e.Start(t.Context(), owner, "x"))
	return h, e, await(t, e, "running", in(vm.PhaseRunning))
}

// listens sets what the fake guest listens on.
func (h *fakeHost) listens(t *testing.T, addresses ...string) {
	t.Helper()
	path := filepath.Join(string(h.dir()), fakeListeningFile)
	must(t, os.WriteFile(path+".new", []byte(strings.Join(addresses, "\n")), 0o600))
	must(t, os.Rename(path+".new", path))
}

// awaitForward waits for a forward of the host's address that satisfies ok; the zero Forward stands
// for none.
func awaitForward(t *testing.T, e *qemu.Engine, host, what string, ok func(vm.Forward) bool) vm.Forward {
	t.Helper()
	var found vm.Forward
	await(t, e, what, func(s vm.State, err error) bool {
		found = vm.Forward{}
		if i := slices.IndexFunc(s.Forwards, func(f vm.Forward) bool { return f.Host == host }); i >= 0 {
			found = s.Forwards[i]
		}
		return err == nil && ok(found)
	})
	return found
}

func works(f vm.Forward) bool  { return f.Host != "" && f.Error == "" }
func fails(f vm.Forward) bool  { return f.Error != "" }
func absent(f vm.Forward) bool { return f == vm.Forward{} }

// echoed sends text to an address, ends its half and returns all that comes back.
func echoed(t *testing.T, address, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	must(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, text)
	must(t, err)
	must(t, conn.(*net.TCPConn).CloseWrite())
	answer, err := io.ReadAll(conn)
	must(t, err)
	return string(answer)
}

func TestPortsComeAndGo(t *testing.T) {
	service, ignored := newService(t), newService(t)
	h, e, state := withRules(t, service.rule())
	if absent(forwardOf(state, filepath.Join(string(h.dir()), "docker.sock"))) {
		t.Errorf("the socket is not forwarded when the machine runs: %+v", state.Forwards)
	}
	h.listens(t, service.guest, ignored.guest)
	forward := awaitForward(t, e, service.host, "forwarded", works)
	if want := (vm.Forward{Protocol: "tcp", Host: service.host, Guest: service.guest}); forward != want {
		t.Errorf("got %+v, want %+v", forward, want)
	}
	if got := echoed(t, service.host, "hello"); got != "hello" {
		t.Errorf("got %q", got)
	}
	before, err := net.Dial("tcp", service.host)
	must(t, err)
	defer before.Close()
	checkEcho(t, before, "before it closes")
	h.listens(t, ignored.guest)
	awaitForward(t, e, service.host, "gone", absent)
	if _, err := net.Dial("tcp", service.host); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the host still listens: %v", err)
	}
	checkEcho(t, before, "after it closed")
	state, err = e.Observe(t.Context(), "x")
	if err != nil || len(state.Forwards) != 1 {
		t.Errorf("forwards %+v, %v", state.Forwards, err)
	}
	checkForwardEvents(t, h, service.host, protocol.Forwarding, protocol.ForwardingEnded)
}

func forwardOf(s vm.State, host string) vm.Forward {
	for _, f := range s.Forwards {
		if f.Host == host {
			return f
		}
	}
	return vm.Forward{}
}

// checkEcho sends text through a connection that stays open.
func checkEcho(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	_, err := io.WriteString(conn, text)
	must(t, err)
	answer := make([]byte, len(text))
	if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != text {
		t.Errorf("%s: got %q, %v", text, answer, err)
	}
}

// checkForwardEvents checks what ha.stdout.log says of the host's address.
func checkForwardEvents(t *testing.T, h *fakeHost, host string, want ...string) {
	t.Helper()
	file, err := os.Open(h.dir().HostagentStdout())
	must(t, err)
	defer file.Close()
	events, err := protocol.ReadEvents(file)
	must(t, err)
	var got []string
	for _, e := range events {
		if f := e.Status.PortForward; f != nil && f.HostAddr == host {
			got = append(got, f.Type)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("events of %s: %v, want %v", host, got, want)
	}
}

// TestAPortThatIsTaken is forwarded as soon as it gets free.
func TestAPortThatIsTaken(t *testing.T) {
	service := newService(t)
	taken, err := net.Listen("tcp", service.host)
	must(t, err)
	defer taken.Close()
	h, e, _ := withRules(t, service.rule())
	h.listens(t, service.guest)
	forward := awaitForward(t, e, service.host, "refused", fails)
	if !strings.HasPrefix(forward.Error, "address already in use") || !strings.Contains(forward.Error, "hostPort") {
		t.Errorf("%+v", forward)
	}
	must(t, taken.Close())
	awaitForward(t, e, service.host, "forwarded", works)
	if got := echoed(t, service.host, "hello"); got != "hello" {
		t.Errorf("got %q", got)
	}
	checkForwardEvents(t, h, service.host, protocol.ForwardingFailed, protocol.Forwarding)
}

func TestManyConnectionsAtOnce(t *testing.T) {
	service := newService(t)
	h, e, _ := withRules(t, service.rule())
	h.listens(t, service.guest)
	awaitForward(t, e, service.host, "forwarded", works)
	var conns []net.Conn
	for range 100 {
		conn, err := net.Dial("tcp", service.host)
		must(t, err)
		defer conn.Close()
		conns = append(conns, conn)
	}
	for i, conn := range conns {
		checkEcho(t, conn, fmt.Sprintf("connection %d", i))
	}
}

// TestPortsOfAKilledHostagent: TCP ports vanish with it and come back with its successor, UDP ports
// stay with QEMU.
func TestPortsOfAKilledHostagent(t *testing.T) {
	service := newService(t)
	udp := guestService{guest: freePort(t, "udp"), host: freePort(t, "udp")}
	h, e, before := withRules(t, service.rule(), udp.rule())
	listening := []string{service.guest, "udp/0.0.0.0:" + port(udp.guest)}
	h.listens(t, listening...)
	awaitForward(t, e, udp.host, "UDP forwarded", works)
	awaitForward(t, e, service.host, "TCP forwarded", works)
	for range 2 {
		first := h.run(t).Hostagent
		kill(t, first, syscall.SIGKILL)
		await(t, e, "adopted", func(s vm.State, err error) bool {
			run := h.run(t)
			return err == nil && run.Hostagent != nil && *run.Hostagent != *first && run.Hostagent.Alive()
		})
		awaitForward(t, e, service.host, "TCP forwarded again", works)
		awaitForward(t, e, udp.host, "UDP still forwarded", works)
		if got := echoed(t, service.host, "hello"); got != "hello" {
			t.Errorf("got %q", got)
		}
		if taken, err := net.ListenPacket("udp4", udp.host); err == nil {
			taken.Close()
			t.Error("QEMU does not forward UDP any more")
		}
	}
	after, err := e.Observe(t.Context(), "x")
	if err != nil || after.BootID != before.BootID {
		t.Errorf("%+v, %v", after, err)
	}
	// A forward without a route is ended, whoever began it.
	h.listens(t)
	awaitForward(t, e, udp.host, "UDP gone", absent)
	if free, err := net.ListenPacket("udp4", udp.host); err != nil {
		t.Errorf("QEMU still forwards UDP: %v", err)
	} else {
		free.Close()
	}
}

// TestConnectionsSurviveTheDaemon: a connection through a forwarded port belongs to the hostagent.
func TestConnectionsSurviveTheDaemon(t *testing.T) {
	service := newService(t)
	h := newFakeHost(t)
	text, _, _ := strings.Cut(guestTemplate, "portForwards:")
	daemon, kill := context.WithCancel(t.Context())
	first := h.engine(t)
	must(t, first.Watch(daemon, func(string) {}))
	must(t, first.Apply(daemon, spec(text+"portForwards:\n"+service.rule()+noOthers)))
	await(t, first, "created", in(vm.PhaseStopped))
	must(t, first.Start(daemon, owner, "x"))
	h.listens(t, service.guest)
	awaitForward(t, first, service.host, "forwarded", works)
	conn, err := net.Dial("tcp", service.host)
	must(t, err)
	defer conn.Close()
	checkEcho(t, conn, "with the first daemon")
	kill()
	checkEcho(t, conn, "without a daemon")
	second := h.engine(t)
	awaitForward(t, second, service.host, "found by the second daemon", works)
	checkEcho(t, conn, "with the second daemon")
}

// TestASocketInTheWayIsReported: the machine runs nevertheless, and the socket works once it can.
func TestASocketInTheWayIsReported(t *testing.T) {
	h := newFakeHost(t)
	e := created(t, h)
	path := filepath.Join(string(h.dir()), "docker.sock")
	must(t, os.WriteFile(path, nil, 0o600))
	must(t, e.Start(t.Context(), owner, "x"))
	if f := awaitForward(t, e, path, "refused", fails); !strings.Contains(f.Error, "in the way") {
		t.Errorf("%+v", f)
	}
	must(t, os.Remove(path))
	awaitForward(t, e, path, "forwarded once it is out of the way", works)
	awaitReached(t, h, h.run(t).BootID)
}

// TestNonsenseFromTheGuest: a report that cannot be understood changes nothing, and the next one is
// applied.
func TestNonsenseFromTheGuest(t *testing.T) {
	service := newService(t)
	h, e, _ := withRules(t, service.rule())
	h.listens(t, service.guest)
	awaitForward(t, e, service.host, "forwarded", works)
	h.listens(t, "!listening tcp/ZZ\n\x00\x1b[2J\ntime never\nlistening tcp/0100007F\n"+strings.Repeat("x", 3<<20))
	awaitLog(t, h, "reading the guest's report")
	if got := echoed(t, service.host, "hello"); got != "hello" {
		t.Errorf("got %q", got)
	}
	h.listens(t)
	awaitForward(t, e, service.host, "gone", absent)
}

// awaitLog waits until the hostagent's log has text.
func awaitLog(t *testing.T, h *fakeHost, text string) {
	t.Helper()
	awaitLogTimes(t, h, text, 1)
}

// awaitLogTimes waits until the hostagent has logged a text that often.
func awaitLogTimes(t *testing.T, h *fakeHost, text string, times int) {
	t.Helper()
	for deadline := time.Now().Add(waitTimeout); time.Now().Before(deadline); <-time.After(pollPause) {
		if log, err := os.ReadFile(h.dir().HostagentStderr()); err == nil && strings.Count(string(log), text) >= times {
			return
		}
	}
	t.Fatalf("the hostagent's log does not say %q", text)
}

// TestTheConnectionToTheGuestBreaks: ports stay, connections made afterwards work, and the guest is
// watched again.
func TestTheConnectionToTheGuestBreaks(t *testing.T) {
	first, second := newService(t), newService(t)
	h, e, _ := withRules(t, first.rule(), second.rule())
	h.listens(t, first.guest)
	awaitForward(t, e, first.host, "forwarded", works)
	const again = "watching it again"
	log, err := os.ReadFile(h.dir().HostagentStderr())
	must(t, err)
	must(t, os.WriteFile(filepath.Join(string(h.dir()), fakeBreakFile), nil, 0o600))
	awaitLogTimes(t, h, again, strings.Count(string(log), again)+1)
	if state, err := e.Observe(t.Context(), "x"); err != nil || state.Phase != vm.PhaseRunning || !works(forwardOf(state, first.host)) {
		t.Errorf("after the break: %+v, %v", state, err)
	}
	h.listens(t, first.guest, second.guest)
	awaitForward(t, e, second.host, "seen by the next watch", works)
	// Only now the guest is surely reached again: one that is made while it is not may be reset.
	if got := echoed(t, first.host, "hello"); got != "hello" {
		t.Errorf("after the break: got %q", got)
	}
}
