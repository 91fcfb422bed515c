// SPDX-License-Identifier: Apache-2.0

//go:build linux

package qemu_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/protocol"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// fakeGuestFile in the instance directory makes the fake guest fail; it holds a JSON fakeGuest.
const fakeGuestFile = "fake-guest.json"

// fakeGuest says how the fake guest differs from a good one.
type fakeGuest struct {
	// Console is written to serial.log at the boot.
	Console string
	// NoSSH keeps sshd from coming up.
	NoSSH bool
	// BusySSH leaves connections to the shared sshd without an answer, as when others hold all that it
	// takes. NoOwnSSH is a guest without an sshd for rdd alone.
	BusySSH, NoOwnSSH bool
	// Units is what its systemd says of them.
	Units string
	// BootStatus and ProvisionStatus of the scripts.
	BootStatus, ProvisionStatus int
	// ProbeTimeout of the hostagent.
	ProbeTimeout time.Duration
	// PortTaken has QEMU find the port for ssh in use.
	PortTaken bool
	// QuietPowerButton ignores the power button.
	QuietPowerButton bool
	// Hostile is what it does to do harm; empty: nothing.
	Hostile hostility
	// Mounts says how it mounts what it leaves to the host; empty: it leaves nothing.
	Mounts fakeMounts
}

// readFakeGuest reads what writeFakeGuest has written to an instance directory; the good guest when
// it has not.
func readFakeGuest(dir string) (fakeGuest, error) {
	var guest fakeGuest
	data, err := os.ReadFile(filepath.Join(dir, fakeGuestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return guest, nil
	}
	if err != nil {
		return guest, err
	}
	return guest, json.Unmarshal(data, &guest)
}

func writeFakeGuest(t *testing.T, dir vmdir.Dir, guest fakeGuest) {
	t.Helper()
	data, err := json.Marshal(guest)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(string(dir), fakeGuestFile), data, 0o600))
}

// startFake creates x and starts it with a guest that fails.
func startFake(t *testing.T, guest fakeGuest) (*fakeHost, vm.State) {
	t.Helper()
	h := newFakeHost(t)
	e := created(t, h)
	writeFakeGuest(t, h.dir(), guest)
	must(t, e.Start(t.Context(), owner, "x"))
	return h, await(t, e, "running or failed", in(vm.PhaseRunning, vm.PhaseStopped))
}

func TestFailedStartsSayWhy(t *testing.T) {
	for _, tc := range []struct {
		name  string
		guest fakeGuest
		want  []string
		fault vm.Fault
	}{
		{"boot script", fakeGuest{
			NoSSH: true, Console: "noise\r\nrdd: the boot script failed with exit code 3; its last lines:\r\nuseradd: no\r\n",
		},
			[]string{"boot script failed with exit code 3", "useradd: no"}, vm.Fault{Kind: vm.FaultBoot}},
		{
			"initrd", fakeGuest{NoSSH: true, Console: "rdd-initrd: the root disk did not appear"}, []string{"the root disk did not appear"},
			vm.Fault{Kind: vm.FaultBoot},
		},
		{"boot status", fakeGuest{BootStatus: 4}, []string{"boot script failed with exit code 4", "the log of boot"},
			vm.Fault{Kind: vm.FaultScript, Field: vm.ScriptBoot, ExitCode: 4, Output: "the log of boot"}},
		{"provisioning", fakeGuest{ProvisionStatus: 7}, []string{"provision script failed with exit code 7", "the log of provision"},
			vm.Fault{Kind: vm.FaultScript, Field: vm.ScriptProvision, ExitCode: 7, Output: "the log of provision"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, state := startFake(t, tc.guest)
			if state.Phase != vm.PhaseStopped || state.Failure == nil || state.Failure.Operation != vm.OperationStart {
				t.Fatalf("%+v", state)
			}
			for _, want := range tc.want {
				if !strings.Contains(state.Failure.Fault.Text, want) {
					t.Errorf("no %q in: %v", want, state.Failure.Fault)
				}
			}
			tc.fault.Text = state.Failure.Fault.Text
			if got := *state.Failure.Fault; got != tc.fault {
				t.Errorf("got %+v, want %+v", got, tc.fault)
			}
			checkLastEvent(t, h, tc.fault)
		})
	}
}

// checkLastEvent: the event has the fault too, beside the text that older clients read.
func checkLastEvent(t *testing.T, h *fakeHost, want vm.Fault) {
	t.Helper()
	log, err := os.Open(h.dir().HostagentStdout())
	must(t, err)
	defer log.Close()
	events, err := protocol.ReadEvents(log)
	must(t, err)
	last := events[len(events)-1].Status
	if !last.Exiting || last.Fault == nil || *last.Fault != want || len(last.Errors) != 1 || last.Errors[0] != want.Text {
		t.Errorf("the last event says %+v, want %+v", last, want)
	}
}

func TestForceOvertakesAShutdown(t *testing.T) {
	h, state := startFake(t, fakeGuest{QuietPowerButton: true})
	if state.Phase != vm.PhaseRunning {
		t.Fatalf("%+v", state)
	}
	e := h.engine(t)
	must(t, e.Stop(t.Context(), owner, "x", vm.StopShutdown))
	await(t, e, "stopping", in(vm.PhaseStopping))
	must(t, e.Stop(t.Context(), owner, "x", vm.StopForce))
	if state := await(t, e, "stopped", in(vm.PhaseStopped)); state.Failure != nil {
		t.Errorf("%+v", state)
	}
}

// TestTermShutsDown: SIGTERM to a hostagent, as at the end of a session, shuts the guest down.
func TestTermShutsDown(t *testing.T) {
	h := newFakeHost(t)
	e, _ := running(t, h)
	kill(t, h.run(t).Hostagent, syscall.SIGTERM)
	if state := await(t, e, "stopped", in(vm.PhaseStopped)); state.Failure != nil {
		t.Errorf("%+v", state)
	}
}

// TestEvents reads the stream from a start to its end.
func TestEvents(t *testing.T) {
	h := newFakeHost(t)
	e, _ := running(t, h)
	conn, err := net.Dial("unix", h.dir().HostagentSocket())
	must(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET "+protocol.EventsPath+" HTTP/1.0\r\n\r\n")
	must(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	defer response.Body.Close()
	must(t, e.Stop(t.Context(), owner, "x", vm.StopShutdown))
	var phases []string
	var last protocol.Event
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		must(t, json.Unmarshal(lines.Bytes(), &last))
		if len(phases) == 0 || phases[len(phases)-1] != last.Phase {
			phases = append(phases, last.Phase)
		}
	}
	if got := strings.Join(phases, " "); got != "Starting Running Stopping Stopped" || !last.Status.Exiting {
		t.Errorf("phases %s, last %+v", got, last)
	}
	checkEventFile(t, h)
}

// checkEventFile checks the lines that people and tools which know Lima look for.
func checkEventFile(t *testing.T, h *fakeHost) {
	t.Helper()
	data, err := os.ReadFile(h.dir().HostagentStdout())
	must(t, err)
	for _, want := range []string{`"running":true,"sshLocalPort":`, `"exiting":true`, `"step":"booting"`} {
		if !strings.Contains(string(data), want) {
			t.Errorf("no %s in %s", want, data)
		}
	}
}

func TestHostagentRefusesNonsense(t *testing.T) {
	h := newFakeHost(t)
	running(t, h)
	client := protocol.NewClient(h.dir().HostagentSocket())
	if err := client.Stop(t.Context(), "Gently"); err == nil || !strings.Contains(err.Error(), "Gently") {
		t.Errorf("an unknown stop mode: %v", err)
	}
	info, err := client.Info(t.Context())
	if err != nil || info.Protocol != protocol.Version || info.BinaryVersion != "test" || info.Name != "x" || !info.Status.Running {
		t.Errorf("%+v, %v", info, err)
	}
}
