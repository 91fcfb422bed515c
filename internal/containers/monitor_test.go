// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rancherdesktop.io/rdd/internal/containers/proofimage"
)

// scripted is an engine in memory, whose time is the test's.
type scripted struct {
	mu sync.Mutex
	// refuse is why nothing answers.
	refuse error
	// slow makes the first answer of a connection late.
	slow time.Duration
	// hung: nothing answers until it is closed.
	hung chan struct{}
	// proofTime is how long a container runs.
	proofTime time.Duration
	runError  error
	stream    chan error
	counts
}

// counts are proofs that were begun, attempts to connect, pings, and how many listen and are open now.
type counts struct{ proofs, attempts, pings, listening, open int }

func (s *scripted) count() (c counts) {
	s.set(func() { c = s.counts })
	return c
}

func (s *scripted) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// answer is what becomes of a request.
func (s *scripted) answer(ctx context.Context, late time.Duration) error {
	s.mu.Lock()
	refuse, hung := s.refuse, s.hung
	s.mu.Unlock()
	if refuse != nil {
		return refuse
	}
	if hung != nil {
		select {
		case <-hung:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	wait(ctx, late)
	return ctx.Err()
}

func (s *scripted) describe() (title, hint string) { return "Docker", "rdd shell" }
func (s *scripted) dearness() time.Duration        { return 1 }
func (s *scripted) close()                         { s.set(func() { s.open-- }) }

func (s *scripted) version(ctx context.Context) (string, error) {
	var slow time.Duration
	s.set(func() { s.attempts++; slow = s.slow })
	return "26.1.5", s.answer(ctx, slow)
}

func (s *scripted) ping(ctx context.Context) error {
	s.set(func() { s.pings++ })
	return s.answer(ctx, 0)
}

func (s *scripted) listen(ctx context.Context, begun func()) error {
	stream := make(chan error, 1)
	s.set(func() { s.stream = stream; s.listening++ })
	defer s.set(func() { s.listening-- })
	begun()
	select {
	case err := <-stream:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *scripted) leftovers(ctx context.Context) ([]string, error) { return nil, s.answer(ctx, 0) }
func (s *scripted) remove(ctx context.Context, _ string) error      { return s.answer(ctx, 0) }
func (s *scripted) hasImage(ctx context.Context) (bool, error)      { return true, s.answer(ctx, 0) }
func (s *scripted) load(ctx context.Context) error                  { return s.answer(ctx, 0) }

func (s *scripted) run(ctx context.Context, _ string) (int, string, error) {
	var late time.Duration
	var err error
	s.set(func() { s.proofs++; late, err = s.proofTime, s.runError })
	return 0, proofimage.Message, errors.Join(err, s.answer(ctx, late))
}

// breakStream ends the events.
func (s *scripted) breakStream() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stream <- errors.New("its event stream ended")
}

var target = Target{Engine: Moby, Instance: "rd", Run: 1}

// watched is a Monitor all of whose states are noted.
type watched struct {
	*Monitor
	t *testing.T

	mu     sync.Mutex
	phases []Phase
}

func watch(t *testing.T, s *scripted) *watched {
	t.Helper()
	s.proofTime = max(s.proofTime, time.Millisecond) // or there is nothing between two phases
	w := &watched{Monitor: NewMonitor(Config{}), t: t}
	w.open = func(Target) (engine, error) {
		s.set(func() { s.open++ })
		return s, nil
	}
	w.Watch(w.note)
	return w
}

func (w *watched) note() {
	state := w.State()
	w.mu.Lock()
	defer w.mu.Unlock()
	phase := Phase("none")
	if state != nil {
		phase = state.Phase
	}
	if len(w.phases) == 0 || w.phases[len(w.phases)-1] != phase {
		w.phases = append(w.phases, phase)
	}
}

func (w *watched) history() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b strings.Builder
	for _, phase := range w.phases {
		b.WriteString(string(phase) + " ")
	}
	return strings.TrimSpace(b.String())
}

// after lets time pass, and all that is to happen in it.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *watched) expect(phase Phase, problem string) {
	w.t.Helper()
	state := w.State()
	if state == nil || state.Phase != phase || (problem == "") != (state.Problem == "") || !strings.Contains(state.Problem, problem) {
		w.t.Errorf("got %+v, want %s with %q", state, phase, problem)
	}
}

func (w *watched) expectHistory(want string) {
	w.t.Helper()
	if got := w.history(); got != want {
		w.t.Errorf("the phases were %q, not %q", got, want)
	}
}

func TestProvesOnceAndStaysConnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{proofTime: 3 * time.Second}
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
		if s.count().proofs != 1 || s.count().attempts != 1 || s.count().pings < 100 || s.count().pings > 120 {
			t.Errorf("an hour took %d proofs, %d attempts and %d pings", s.count().proofs, s.count().attempts, s.count().pings)
		}
	})
}

func TestShortInterruptionIsNoNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{proofTime: 2 * time.Second}
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
		if s.count().proofs != 2 || !w.State().Since.Equal(since) {
			t.Errorf("%d proofs; connected since %s, not %s", s.count().proofs, w.State().Since, since)
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
		if s.count().proofs != 2 {
			t.Errorf("%d proofs", s.count().proofs)
		}
	})
}

// A proof takes longer than the grace in a slow guest; nobody knows by then whether the engine works.
func TestReconnectionThatTakesLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{proofTime: 15 * time.Second}
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
		s := &scripted{slow: 90 * time.Second, proofTime: time.Minute}
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

func TestProofThatFails(t *testing.T) {
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

// An engine that dies as soon as it is proven must not be proven in a circle.
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
		if s.count().proofs > 40 {
			t.Errorf("%d proofs in ten minutes", s.count().proofs)
		}
		cancel()
		after(time.Minute)
		w.expect(PhaseConnected, "")
	})
}

func TestFollowNoneOrAnotherInTheMiddleOfAProof(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{proofTime: time.Minute}
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

// The next target waits until the work on the one before has ended: nothing of both runs at once.
func TestNewTargetWaitsForTheOldOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{proofTime: time.Minute}
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
