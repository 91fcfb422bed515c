// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestVerifiesOnceAndStaysConnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{smokeTestTime: 3 * time.Second}
		w := watch(t, s)
		defer w.Close()
		if w.State() != nil {
			t.Error("it follows something already")
		}
		w.Follow(&target)
		began := time.Now()
		after(2 * time.Second)
		w.expect(PhaseConnecting, "")
		after(2 * time.Second)
		w.expect(PhaseConnected, "")
		state := w.State()
		if state.Target != target || state.Version != "26.1.5" || !state.Since.Equal(began.Add(3*time.Second)) {
			t.Errorf("got %+v", state)
		}
		again := target
		w.Follow(&again)
		after(time.Hour)
		w.expect(PhaseConnected, "")
		w.expectHistory("Connecting Connected")
		if s.count().smokeTests != 1 || s.count().attempts != 1 || s.count().pings < 100 || s.count().pings > 120 {
			t.Errorf("an hour took %d proofs, %d attempts and %d pings", s.count().smokeTests, s.count().attempts, s.count().pings)
		}
	})
}

func TestShortInterruptionIsNoNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{smokeTestTime: 2 * time.Second}
		w := watch(t, s)
		defer w.Close()
		w.Follow(&target)
		after(time.Minute)
		since := w.State().Since
		s.set(func() { s.refuse = errors.New("connection refused") })
		s.breakStream()
		after(5 * time.Second)
		w.expect(PhaseConnected, "")
		s.set(func() { s.refuse = nil })
		after(time.Minute)
		w.expect(PhaseConnected, "")
		w.expectHistory("Connecting Connected")
		if s.count().smokeTests != 2 || !w.State().Since.Equal(since) {
			t.Errorf("%d proofs; connected since %s, not %s", s.count().smokeTests, w.State().Since, since)
		}
	})
}

func TestLongInterruption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{}
		w := watch(t, s)
		defer w.Close()
		w.Follow(&target)
		after(time.Minute)
		s.set(func() { s.refuse = errors.New("connection refused") })
		s.breakStream()
		after(9 * time.Second)
		w.expect(PhaseConnected, "")
		after(2 * time.Second)
		w.expect(PhaseFailed, "connection refused")
		before := s.count().attempts
		after(time.Hour)
		if tries := s.count().attempts - before; tries < 115 || tries > 130 {
			t.Errorf("%d attempts in an hour: the pauses are to grow to 30 s", tries)
		}
		s.set(func() { s.refuse = nil })
		after(31 * time.Second)
		w.expect(PhaseConnected, "")
		w.expectHistory("Connecting Connected Failed Connected")
		if s.count().smokeTests != 2 {
			t.Errorf("%d proofs", s.count().smokeTests)
		}
	})
}

// In a slow guest a smoke test takes longer than the grace period. An engine that was connected
// before is reported as failed then: it is not known whether it works.
func TestReconnectionThatTakesLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{smokeTestTime: 15 * time.Second}
		w := watch(t, s)
		defer w.Close()
		w.Follow(&target)
		after(16 * time.Second)
		w.expect(PhaseConnected, "")
		s.breakStream()
		after(11 * time.Second)
		w.expect(PhaseFailed, "event stream ended")
		after(5 * time.Second)
		w.expect(PhaseConnected, "")
	})
}

func TestEngineThatNeverWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{refuse: errors.New("no such file")}
		w := watch(t, s)
		defer w.Close()
		w.Follow(&target)
		after(9 * time.Second)
		w.expect(PhaseConnecting, "")
		after(2 * time.Second)
		w.expect(PhaseFailed, "no such file")
		s.set(func() { s.refuse = errors.New("permission denied") })
		after(time.Minute)
		w.expect(PhaseFailed, "permission denied")
		s.set(func() { s.refuse = nil })
		after(time.Minute)
		w.expect(PhaseConnected, "")
		w.expectHistory("Connecting Failed Connected")
	})
}

func TestEngineThatIsSlowToStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{slow: 90 * time.Second, smokeTestTime: time.Minute}
		w := watch(t, s)
		defer w.Close()
		w.Follow(&target)
		after(149 * time.Second)
		w.expect(PhaseConnecting, "")
		after(2 * time.Second)
		w.expect(PhaseConnected, "")
		w.expectHistory("Connecting Connected")
	})
}

func TestEngineThatNeverAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{hung: make(chan struct{})}
		w := watch(t, s)
		defer w.Close()
		w.Follow(&target)
		after(2 * time.Minute)
		w.expect(PhaseConnecting, "")
		after(2 * time.Minute)
		w.expect(PhaseFailed, "took longer than 3m0s")
	})
}

func TestSmokeTestThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{runError: errors.New("starting it: no cgroups")}
		w := watch(t, s)
		defer w.Close()
		w.Follow(&target)
		after(11 * time.Second)
		w.expect(PhaseFailed, "running a container: starting it: no cgroups")
		s.set(func() { s.runError = nil })
		after(time.Minute)
		w.expect(PhaseConnected, "")
	})
}

func TestHungEngineIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{}
		w := watch(t, s)
		defer w.Close()
		w.Follow(&target)
		after(time.Minute)
		hung := make(chan struct{})
		s.set(func() { s.hung = hung })
		after(2 * time.Minute)
		w.expect(PhaseFailed, "asking for a sign of life took longer than 1m0s")
		s.set(func() { s.hung = nil })
		close(hung)
		after(time.Second)
		w.expect(PhaseConnected, "")
		w.expectHistory("Connecting Connected Failed Connected")
	})
}

// An engine that exits during each smoke test is not tested without pauses.
func TestEngineThatDiesAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{}
		w := watch(t, s)
		defer w.Close()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		w.Follow(&target)
		go func() {
			for ctx.Err() == nil {
				wait(ctx, 100*time.Millisecond)
				if state := w.State(); state != nil && state.Phase == PhaseConnected {
					s.set(func() {
						select {
						case s.stream <- errors.New("its event stream ended"):
						default:
						}
					})
				}
			}
		}()
		after(10 * time.Minute)
		if s.count().smokeTests > 40 {
			t.Errorf("%d proofs in ten minutes", s.count().smokeTests)
		}
		cancel()
		after(time.Minute)
		w.expect(PhaseConnected, "")
	})
}
