// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestFollowNoneOrAnotherInTheMiddleOfASmokeTest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{smokeTestTime: time.Minute}
		w := watch(t, s)
		defer w.Close()
		w.Follow(&target)
		after(30 * time.Second)
		w.Follow(nil)
		if w.State() != nil {
			t.Errorf("got %+v", w.State())
		}
		after(0)
		if s.count().open != 0 || s.count().listening != 0 {
			t.Errorf("%d connections are open, %d listen", s.count().open, s.count().listening)
		}
		w.Follow(nil)
		w.Follow(&target)
		after(30 * time.Second)
		next := target
		next.Run++
		w.Follow(&next)
		w.expect(PhaseConnecting, "")
		after(59 * time.Second)
		w.expect(PhaseConnecting, "")
		if s.count().open != 1 || s.count().listening != 1 {
			t.Errorf("%d connections are open, %d listen", s.count().open, s.count().listening)
		}
		after(2 * time.Second)
		w.expect(PhaseConnected, "")
		if got := w.State().Target; got != next {
			t.Errorf("got %+v", got)
		}
		w.expectHistory("Connecting none Connecting Connected")
	})
}

// The work on a target begins when the work on the previous one has ended, so that the two never
// run at once.
func TestNewTargetWaitsForTheOldOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{smokeTestTime: time.Minute}
		w := watch(t, s)
		defer w.Close()
		most := 0
		opened := w.open
		w.open = func(to Target) (engine, error) {
			e, err := opened(to)
			most = max(most, s.count().open)
			return e, err
		}
		for run := range int64(20) {
			w.Follow(&Target{Engine: Moby, Instance: "rd", Run: run})
			after(time.Duration(run) * 100 * time.Millisecond)
		}
		after(2 * time.Minute)
		w.expect(PhaseConnected, "")
		if most != 1 {
			t.Errorf("%d were open at once", most)
		}
	})
}

func TestUnknownEngine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewMonitor(Config{})
		defer w.Close()
		for _, wrong := range []Target{{Engine: "podman"}, {Engine: Containerd, Instance: "rd"}} {
			w.Follow(&wrong)
			after(11 * time.Second)
			if state := w.State(); state.Phase != PhaseFailed || state.Problem == "" {
				t.Errorf("%+v: got %+v", wrong, state)
			} else {
				t.Log(state.Problem)
			}
		}
	})
}

func TestCloseEndsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which fails when a goroutine is left
		s := &scripted{}
		w := watch(t, s)
		w.Follow(&target)
		after(time.Second)
		w.Close()
		w.Follow(&target)
		if w.State() != nil || s.count().open != 0 || s.count().listening != 0 {
			t.Errorf("after Close: %+v, %d open, %d listening", w.State(), s.count().open, s.count().listening)
		}
		w.Close()
	})
}
