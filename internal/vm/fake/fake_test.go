// SPDX-License-Identifier: Apache-2.0

package fake_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/fake"
	"rancherdesktop.io/rdd/internal/vm/vmtest"
)

func TestConformance(t *testing.T) {
	vmtest.Run(t, func(t *testing.T) vmtest.Subject {
		world := fake.NewWorld(time.Now)
		world.SetGuest(thisHost)
		world.Refuse("vmType: vz", &vm.InvalidSpecError{Field: "vmType", Reason: "must be qemu"})
		ctx, cancel := context.WithCancel(context.Background())
		t.Cleanup(cancel)
		go world.Run(ctx, time.Millisecond)
		return vmtest.Subject{
			Engine: world.Open(),
			Reopen: func(*testing.T) vm.Engine { return world.Open() },
			KillGuest: func(t *testing.T, name string) {
				if err := world.KillGuest(name); err != nil {
					t.Fatal(err)
				}
			},
			KillHostagent: func(t *testing.T, name string) { must(t, world.KillHostagent(name)) },
			AddForeign:    func(_ *testing.T, name string) { world.AddForeign(name) },
			Forward: func(_ *testing.T, name string) vm.Forward {
				forward := vm.Forward{Protocol: "tcp", Host: "127.0.0.1:8080", Guest: "127.0.0.1:80"}
				world.SetForwards(name, forward)
				return forward
			},
			Template: []byte("cpus: 1\n"), Changed: []byte("cpus: 2\nmessage: \"it's changed\"\n"), Message: "it's changed",
			Invalid: []byte("vmType: vz\n"), InvalidField: "vmType",
			Provoke: func(_ *testing.T, _ string, p vmtest.Provoked) []byte {
				fault := vmtest.Example(p.Kind)
				world.FailOperation(p.Operation, fmt.Errorf("wrapped: %w", &fault), 1)
				return []byte("cpus: 1\n")
			},
			Pause: func(t *testing.T, name string, reason vm.PauseReason) func() {
				pause := vm.Pause{Reason: reason, Text: "provoked: " + string(reason)}
				if pause.Fault().Kind == vm.FaultDiskFull || reason == vm.PauseDiskFailed {
					pause.Path = "/fake/disk"
				}
				must(t, world.Pause(name, pause))
				return func() {
					if reason != vm.PauseRequested && reason != vm.PauseProcess {
						must(t, world.Unpause(name))
					}
				}
			},
			LoseFile: func(_ *testing.T, name string) func() { return world.LoseFile(name, "basedisk") },
			Timeout:  time.Minute,
		}
	})
}

// thisHost runs a guest's commands here.
func thisHost(ctx context.Context, _ string, c vm.Command) (int, error) {
	args := c.Args
	if c.Line != "" {
		args = []string{"/bin/sh", "-c", c.Line}
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	if _, err := os.Stat(c.Dir); err == nil {
		cmd.Dir = c.Dir
	} else if c.Dir != "" && !c.DirOptional {
		return 1, nil
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, c.Stdout, c.Stderr
	err := cmd.Run()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return failed.ExitCode(), nil
	}
	return 0, err
}

var (
	owner   = vm.Owner{UID: "uid", Namespace: "default", Name: "rd"}
	spec    = vm.Spec{Name: "rd", Owner: owner, Template: []byte("cpus: 1\n"), Revision: "1"}
	errBoom = errors.New("boom")
)

// advanceTo advances the world until the instance reaches a phase or there is no work left.
func advanceTo(t *testing.T, e *fake.Engine, want vm.Phase) vm.State {
	t.Helper()
	for {
		state, err := e.Observe(t.Context(), "rd")
		if err != nil {
			t.Fatal(err)
		}
		if state.Phase == want {
			return state
		}
		if !e.World().Advance() {
			t.Fatalf("nothing moves; want %s, got %+v", want, state)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestBackgroundWorkMovesOnlyWhenAdvanced(t *testing.T) {
	e := fake.New()
	must(t, e.Apply(t.Context(), spec))
	for range 3 {
		if state, _ := e.Observe(t.Context(), "rd"); state.Phase != vm.PhaseCreating {
			t.Fatalf("moved by itself: %+v", state)
		}
	}
	advanceTo(t, e, vm.PhaseStopped)
	if e.World().Advance() {
		t.Fatal("a stopped machine has nothing to do")
	}
}

func TestReopenDropsWorkOfTheDaemonOnly(t *testing.T) {
	e := fake.New()
	must(t, e.Apply(t.Context(), spec))
	e.World().Advance()
	e = e.World().Open()
	if state, _ := e.Observe(t.Context(), "rd"); state.Phase != vm.PhaseIncomplete {
		t.Fatalf("a dropped creation is %+v", state)
	}
	must(t, e.Apply(t.Context(), spec))
	advanceTo(t, e, vm.PhaseStopped)
	must(t, e.Start(t.Context(), owner, "rd"))
	e = e.World().Open()
	advanceTo(t, e, vm.PhaseRunning)
	must(t, e.Delete(t.Context(), owner, "rd"))
	e.World().Advance()
	e = e.World().Open()
	if state, _ := e.Observe(t.Context(), "rd"); state.Phase != vm.PhaseStopped {
		t.Fatalf("a dropped deletion left %+v", state)
	}
}

func TestPlannedFailures(t *testing.T) {
	for _, test := range []struct {
		operation vm.Operation
		begin     func(e *fake.Engine) error
		want      vm.Phase
	}{
		{vm.OperationCreate, func(*fake.Engine) error { return nil }, vm.PhaseIncomplete},
		{vm.OperationStart, func(e *fake.Engine) error { return e.Start(context.Background(), owner, "rd") }, vm.PhaseStopped},
		{vm.OperationDelete, func(e *fake.Engine) error { return e.Delete(context.Background(), owner, "rd") }, vm.PhaseStopped},
	} {
		t.Run(string(test.operation), func(t *testing.T) {
			e := fake.New()
			must(t, e.Apply(t.Context(), spec))
			if test.operation != vm.OperationCreate {
				advanceTo(t, e, vm.PhaseStopped)
			}
			e.World().FailOperation(test.operation, errBoom, 1)
			must(t, test.begin(e))
			e.World().Advance()
			state, err := e.Observe(t.Context(), "rd")
			must(t, err)
			want := vm.Fault{Kind: vm.FaultUnknown, Text: errBoom.Error()}
			if state.Phase != test.want || state.Failure == nil || state.Failure.Operation != test.operation || *state.Failure.Fault != want {
				t.Fatalf("got %+v, failure %+v", state, state.Failure)
			}
		})
	}
}

func TestCallsFailAndAreRecorded(t *testing.T) {
	e := fake.New()
	e.World().FailCall(2, errBoom)
	must(t, e.Apply(t.Context(), spec))
	if _, err := e.Observe(t.Context(), "rd"); !errors.Is(err, errBoom) {
		t.Fatalf("the second call should fail, got %v", err)
	}
	e.World().FailMethod("Delete", errBoom)
	if err := e.Delete(t.Context(), owner, "rd"); !errors.Is(err, errBoom) {
		t.Fatalf("Delete should fail, got %v", err)
	}
	calls := e.World().Calls()
	if len(calls) != 3 || calls[1] != (fake.Call{Method: "Observe", Name: "rd", Err: errBoom}) {
		t.Fatalf("recorded %+v", calls)
	}
}
