// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// monitor answers as QEMU's, and can be made to fail.
type monitor struct {
	mu       sync.Mutex
	commands []string
	usernet  string
	refusal  string // of hostfwd_add
	err      error
	guestErr error // of what is run in the guest
}

// inGuest records what is to be run in the guest as a command, without the script.
func (m *monitor) inGuest(_ context.Context, line string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ports, _ := strings.Cut(line, "rdd-loopback'")
	m.commands = append(m.commands, "lead"+strings.ReplaceAll(ports, "'", ""))
	return m.guestErr
}

func (m *monitor) run(_ context.Context, command string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.commands = append(m.commands, command)
	switch {
	case m.err != nil:
		return "", m.err
	case command == "info usernet":
		return m.usernet, nil
	case strings.HasPrefix(command, "hostfwd_add"):
		return m.refusal, nil
	case strings.HasPrefix(command, "hostfwd_remove"):
		return "host forwarding rule for x removed\r\n", nil
	}
	return "", nil
}

func (m *monitor) took(command string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.commands {
		if c == command {
			return true
		}
	}
	return false
}

// run starts a Manager that sends its changes over the channel.
func run(t *testing.T, qemu *monitor, forwards ...template.PortForward) (*Manager, <-chan []vm.Forward) {
	t.Helper()
	changes := make(chan []vm.Forward, 100)
	m := NewManager(Config{
		Rules: rules(forwards...), Monitor: qemu.run, Run: qemu.inGuest, NetDevice: "net0", Log: slog.New(slog.DiscardHandler),
		Changed: func(f []vm.Forward) { changes <- f }, Retry: time.Millisecond, Settle: time.Millisecond,
		Dial: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("nobody there") },
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	m.Open(ctx)
	go func() {
		m.Run(ctx)
		close(done)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return m, changes
}

// udpPort returns a port that is free now.
func udpPort(t *testing.T) int {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).Port
}

func TestUDPIsQEMUs(t *testing.T) {
	qemu, host := &monitor{}, udpPort(t)
	m, changes := run(t, qemu, template.PortForward{GuestPort: 53, HostPort: host})
	m.Listening([]Listener{udp("0.0.0.0:53")})
	want := vm.Forward{Protocol: "udp", Host: fmt.Sprintf("127.0.0.1:%d", host), Guest: "0.0.0.0:53"}
	if got := <-changes; len(got) != 1 || got[0] != want {
		t.Fatalf("got %+v, want %+v", got, want)
	}
	if command := fmt.Sprintf("hostfwd_add net0 udp:127.0.0.1:%d-:53", host); !qemu.took(command) {
		t.Errorf("no %s in %q", command, qemu.commands)
	}
	m.Listening(nil)
	if got := <-changes; len(got) != 0 {
		t.Fatalf("got %+v", got)
	}
	if command := fmt.Sprintf("hostfwd_remove net0 udp:127.0.0.1:%d", host); !qemu.took(command) {
		t.Errorf("no %s in %q", command, qemu.commands)
	}
}

// TestUDPOfBefore: what QEMU forwards already is not requested again, and ended when there is no
// route.
func TestUDPOfBefore(t *testing.T) {
	kept, dropped := udpPort(t), udpPort(t)
	line := "  UDP[HOST_FORWARD]  15       127.0.0.1  %d       10.0.2.15    53     0     0\r\n"
	qemu := &monitor{usernet: fmt.Sprintf(line+line, kept, dropped)}
	m, changes := run(t, qemu, template.PortForward{GuestPort: 53, HostPort: kept})
	m.Listening([]Listener{udp("0.0.0.0:53")})
	if got := <-changes; len(got) != 1 || got[0].Error != "" {
		t.Fatalf("got %+v", got)
	}
	if qemu.took(fmt.Sprintf("hostfwd_add net0 udp:127.0.0.1:%d-:53", kept)) {
		t.Error("asked for again")
	}
	if !qemu.took(fmt.Sprintf("hostfwd_remove net0 udp:127.0.0.1:%d", dropped)) {
		t.Errorf("not ended: %q", qemu.commands)
	}
}

// TestUDPWithoutQEMU: the failure is reported, and the forward works once QEMU answers.
func TestUDPWithoutQEMU(t *testing.T) {
	qemu := &monitor{err: errors.New("QEMU does not answer")}
	m, changes := run(t, qemu, template.PortForward{GuestPort: 53, HostPort: udpPort(t)})
	m.Listening([]Listener{udp("0.0.0.0:53")})
	if got := <-changes; len(got) != 1 || got[0].Error != "QEMU does not answer" {
		t.Fatalf("got %+v", got)
	}
	qemu.mu.Lock()
	qemu.err = nil
	qemu.mu.Unlock()
	if got := <-changes; len(got) != 1 || got[0].Error != "" {
		t.Fatalf("got %+v", got)
	}
}

// TestUDPRefusedByQEMU: only the text of its response shows that.
func TestUDPRefusedByQEMU(t *testing.T) {
	qemu := &monitor{refusal: "Could not set up host forwarding rule 'x'\r\n"}
	m, changes := run(t, qemu, template.PortForward{GuestPort: 53, HostPort: udpPort(t)})
	m.Listening([]Listener{udp("0.0.0.0:53")})
	if got := <-changes; len(got) != 1 || got[0].Error != "QEMU cannot forward it: Could not set up host forwarding rule 'x'" {
		t.Fatalf("got %+v", got)
	}
}

// TestUDPPortThatIsTaken: QEMU is not asked for it.
func TestUDPPortThatIsTaken(t *testing.T) {
	taken, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	qemu := &monitor{}
	m, changes := run(t, qemu, template.PortForward{GuestPort: 53, HostPort: taken.LocalAddr().(*net.UDPAddr).Port})
	m.Listening([]Listener{udp("0.0.0.0:53")})
	if got := <-changes; len(got) != 1 || !strings.HasPrefix(got[0].Error, "address already in use") {
		t.Fatalf("got %+v", got)
	}
	if qemu.took(fmt.Sprintf("hostfwd_add net0 udp:%s-:53", taken.LocalAddr())) {
		t.Error("asked for all the same")
	}
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	if got := <-changes; len(got) != 1 || got[0].Error != "" {
		t.Fatalf("got %+v", got)
	}
}

// TestShortLivedUDP: the sockets of clients are not forwarded. Those on ports below the ephemeral
// ones are forwarded at once.
func TestShortLivedUDP(t *testing.T) {
	m := NewManager(Config{Settle: time.Hour})
	m.listeners = []Listener{udp("0.0.0.0:40000"), tcp("0.0.0.0:80"), udp("0.0.0.0:53")}
	if settled, pause := m.settled(); !slices.Equal(settled, m.listeners[1:]) || pause > time.Hour {
		t.Errorf("%+v, %s", settled, pause)
	}
	m.settling[udp("0.0.0.0:40000")] = time.Now().Add(-2 * time.Hour)
	if settled, pause := m.settled(); len(settled) != 3 || pause != never {
		t.Errorf("%+v, %s", settled, pause)
	}
	m.listeners = nil
	if m.settled(); len(m.settling) != 0 {
		t.Errorf("remembered: %v", m.settling)
	}
}

func TestExplain(t *testing.T) {
	for _, tc := range []struct {
		err  error
		host string
		want string
	}{
		{&net.OpError{Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}, "127.0.0.1:80", "already in use"},
		{&net.OpError{Err: os.NewSyscallError("bind", syscall.EACCES)}, "127.0.0.1:80", "sysctl net.ipv4.ip_unprivileged_port_start=80"},
		{&net.OpError{Err: os.NewSyscallError("bind", syscall.EADDRNOTAVAIL)}, "192.0.2.1:80", "hostIP"},
		{&os.PathError{Op: "mkdir", Path: "/x", Err: syscall.EACCES}, "/x/s.sock", "mkdir /x"},
	} {
		if got := explain(tc.err, tc.host); !strings.Contains(got, tc.want) {
			t.Errorf("%v: %q", tc.err, got)
		}
	}
}
