// SPDX-License-Identifier: Apache-2.0

package adoption_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/adoption"
	"rancherdesktop.io/rdd/internal/vm/fake"
)

var owner = vm.Owner{UID: "uid", Namespace: "default", Name: "x"}

// running makes an engine on which the machine x runs.
func running(t *testing.T) *fake.Engine {
	t.Helper()
	e := fake.New()
	must(t, e.Apply(t.Context(), vm.Spec{Name: "x", Owner: owner, Template: []byte("cpus: 1\n"), Revision: "1"}))
	for e.World().Advance() {
	}
	must(t, e.Start(t.Context(), owner, "x"))
	for e.World().Advance() {
	}
	return e
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// adopting calls Run until the test ends, and returns its log.
func adopting(t *testing.T, e vm.Engine) *bytes.Buffer {
	t.Helper()
	logged := &bytes.Buffer{}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- adoption.Run(ctx, e, slog.New(slog.NewTextHandler(logged, nil))) }()
	t.Cleanup(func() {
		cancel()
		must(t, <-ended)
	})
	return logged
}

// flaky records the calls of Adopt that had something to do, or failed. As long as dies is true,
// the hostagent is killed again after each of the former.
type flaky struct {
	*fake.Engine
	mu    sync.Mutex
	began time.Time
	dies  bool
	// at are the times of attempts, since the beginning.
	at []time.Duration
}

func (f *flaky) Adopt(ctx context.Context, name string) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	begun, err := f.Engine.Adopt(ctx, name)
	if begun || err != nil {
		f.at = append(f.at, time.Since(f.began))
	}
	if begun && f.dies {
		return begun, f.World().KillHostagent(name)
	}
	return begun, err
}

// attempts are the times of the attempts since the last call of reset.
func (f *flaky) attempts() []time.Duration {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.at)
}

func (f *flaky) reset(dies bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.began, f.at, f.dies = time.Now(), nil, dies
}

func newFlaky(t *testing.T) *flaky { return &flaky{Engine: running(t), began: time.Now()} }

// TestWhatIsThereIsAdopted: at the beginning, and as soon as Watch reports it.
func TestWhatIsThereIsAdopted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlaky(t)
		must(t, f.World().KillHostagent("x"))
		adopting(t, f)
		if got := f.attempts(); !slices.Equal(got, []time.Duration{0}) {
			t.Errorf("attempts at %v", got)
		}
		time.Sleep(time.Hour)
		must(t, f.World().KillHostagent("x"))
		if got := f.attempts(); !slices.Equal(got, []time.Duration{0, time.Hour}) {
			t.Errorf("attempts at %v", got)
		}
	})
}

// TestNothingElseIsStarted: a machine that ended, or never ran, is not.
func TestNothingElseIsStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlaky(t)
		adopting(t, f)
		must(t, f.World().KillGuest("x"))
		time.Sleep(time.Hour)
		if state, _ := f.World().Peek("x"); state.Phase != vm.PhaseStopped || f.attempts() != nil {
			t.Errorf("%+v, attempts at %v", state, f.attempts())
		}
	})
}

// TestBackOff: hostagents that end at once are started less and less often. After one that lived
// the back-off begins again.
func TestBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlaky(t)
		f.reset(true)
		must(t, f.World().KillHostagent("x"))
		adopting(t, f)
		time.Sleep(40 * time.Second)
		var want []time.Duration
		for _, ms := range []time.Duration{0, 500, 1500, 3500, 7500, 15500, 25500, 35500} {
			want = append(want, ms*time.Millisecond)
		}
		if got := f.attempts(); !slices.Equal(got, want) {
			t.Errorf("attempts at %v, want %v", got, want)
		}
		f.reset(false)
		time.Sleep(time.Minute)
		f.reset(true)
		must(t, f.World().KillHostagent("x"))
		time.Sleep(time.Second)
		if got := f.attempts(); !slices.Equal(got, want[:2]) {
			t.Errorf("after one that lived: attempts at %v, want %v", got, want[:2])
		}
	})
}

// TestFailuresAreLogged: and tried again, until there is no such instance; a busy one is no
// failure.
func TestFailuresAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlaky(t)
		must(t, f.World().KillHostagent("x"))
		f.World().FailMethod("Adopt", vm.ErrBusy)
		logged := adopting(t, f)
		time.Sleep(time.Second)
		if n := len(f.attempts()); logged.Len() > 0 || n != 2 {
			t.Errorf("busy: %d attempts, logged %s", n, logged)
		}
		f.World().FailMethod("Adopt", errors.New("boom"))
		time.Sleep(time.Second)
		if n := len(f.attempts()); !strings.Contains(logged.String(), "boom") || n != 3 {
			t.Errorf("failing: %d attempts, logged %s", n, logged)
		}
		f.World().FailMethod("Adopt", vm.ErrNotFound)
		time.Sleep(time.Hour)
		if n := len(f.attempts()); n != 4 {
			t.Errorf("gone: %d attempts", n)
		}
	})
}

// TestWithoutTheAbility: there is nothing to do. A Watch that fails is reported.
func TestWithoutTheAbility(t *testing.T) {
	e := fake.New()
	boom := errors.New("boom")
	e.World().FailMethod("Watch", boom)
	if err := adoption.Run(t.Context(), struct{ vm.Engine }{e}, slog.Default()); err != nil {
		t.Error(err)
	}
	if err := adoption.Run(t.Context(), e, slog.Default()); !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
}
