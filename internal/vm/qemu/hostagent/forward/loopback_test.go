// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// since returns the commands that change something, from the first of a kind on.
func (m *monitor) since(first string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.Index(m.commands, first)
	if i < 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(m.commands[i:]), func(c string) bool { return c == "info usernet" })
}

// TestUDPOnLoopback: the guest redirects the port to its loopback before QEMU sends there, and no
// longer than QEMU does.
func TestUDPOnLoopback(t *testing.T) {
	qemu, host := &monitor{}, udpPort(t)
	m, changes := run(t, qemu, template.PortForward{GuestPort: 53, HostPort: host})
	m.Listening([]Listener{udp("127.0.0.1:53")})
	want := vm.Forward{Protocol: "udp", Host: fmt.Sprintf("127.0.0.1:%d", host), Guest: "127.0.0.1:53"}
	if got := <-changes; len(got) != 1 || got[0] != want {
		t.Fatalf("got %+v, want %+v", got, want)
	}
	m.Listening([]Listener{udp("0.0.0.0:53")}) // another container
	want.Guest = "0.0.0.0:53"
	if got := <-changes; len(got) != 1 || got[0] != want {
		t.Fatalf("got %+v, want %+v", got, want)
	}
	m.Listening([]Listener{udp("127.0.0.1:53")})
	<-changes
	m.Listening(nil)
	if got := <-changes; len(got) != 0 {
		t.Fatalf("got %+v", got)
	}
	add, remove := fmt.Sprintf("hostfwd_add net0 udp:127.0.0.1:%d-:53", host), fmt.Sprintf("hostfwd_remove net0 udp:127.0.0.1:%d", host)
	if got, want := qemu.since("lead 53"), []string{"lead 53", add, "lead", "lead 53", remove, "lead"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestUDPOnLoopbackOfBefore: what another hostagent has left is not known, so the command is run
// once even for no ports.
func TestUDPOnLoopbackOfBefore(t *testing.T) {
	qemu := &monitor{}
	m, changes := run(t, qemu)
	if qemu.took("lead") {
		t.Error("told before anybody knew what listens")
	}
	for range 3 {
		m.Listening([]Listener{udp("0.0.0.0:5300")})
		m.Listening([]Listener{udp("0.0.0.0:5300"), udp("0.0.0.0:5301")})
		for got := <-changes; len(got) != 2; got = <-changes {
		}
		m.Listening(nil)
		for got := <-changes; len(got) != 0; got = <-changes {
		}
	}
	if got := slices.DeleteFunc(qemu.since("lead"), func(c string) bool { return !strings.HasPrefix(c, "lead") }); len(got) != 1 {
		t.Errorf("the guest was told %q", got)
	}
}

// TestUDPOnLoopbackFails: the failure is reported with a hint, the host's port is not opened, other
// forwards work, and this one works once the guest does.
func TestUDPOnLoopbackFails(t *testing.T) {
	qemu, host, other := &monitor{guestErr: errors.New("exit code 1: the guest has no iptables")}, udpPort(t), udpPort(t)
	m, changes := run(t, qemu, template.PortForward{GuestPort: 53, HostPort: host}, template.PortForward{GuestPort: 54, HostPort: other})
	m.Listening([]Listener{udp("127.0.0.1:53"), udp("0.0.0.0:54")})
	got := <-changes
	for _, f := range got {
		loopback := strings.HasPrefix(f.Guest, "127.")
		if loopback != strings.Contains(f.Error, "no iptables; the program may listen on all of the guest's addresses instead") {
			t.Errorf("got %+v", f)
		}
	}
	add := fmt.Sprintf("hostfwd_add net0 udp:127.0.0.1:%d-:53", host)
	if len(got) != 2 || qemu.took(add) {
		t.Errorf("got %+v after %q", got, qemu.commands)
	}
	qemu.mu.Lock()
	qemu.guestErr = nil
	qemu.mu.Unlock()
	if got = <-changes; len(got) != 2 || got[0].Error != "" || got[1].Error != "" || !qemu.took(add) {
		t.Errorf("got %+v", got)
	}
}

// TestRedirectCommand: a guest without rules does not run the script to remove them.
func TestRedirectCommand(t *testing.T) {
	if got := redirectCommand(nil); !strings.HasPrefix(got, "[ ! -e /run/rdd/loopback ] || exec sudo -n 'sh'") {
		t.Errorf("got %.100s", got)
	}
	if got := redirectCommand([]string{"53", "5353"}); !strings.HasPrefix(got, "exec sudo -n 'sh'") ||
		!strings.HasSuffix(got, " 'rdd-loopback' '53' '5353'") {
		t.Errorf("got %s", got)
	}
}
