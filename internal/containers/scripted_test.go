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

	"rancherdesktop.io/rdd/internal/containers/smokeimage"
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
	// smokeTestTime is how long a container runs.
	smokeTestTime time.Duration
	runError      error
	stream        chan error
	counts
}

// counts are smoke tests that were begun, attempts to connect, pings, and how many listen and are
// open now.
type counts struct{ smokeTests, attempts, pings, listening, open int }

func (s *scripted) count() (c counts) {
	s.set(func() { c = s.counts })
	return c
}

func (s *scripted) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// answer blocks and fails as the test has set it.
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

func (s *scripted) describe() (title, hint string)    { return "Docker", "rdd shell" }
func (s *scripted) pingIntervalFactor() time.Duration { return 1 }
func (s *scripted) close()                            { s.set(func() { s.open-- }) }

func (s *scripted) version(ctx context.Context) (string, error) {
	var slow time.Duration
	s.set(func() { s.attempts++; slow = s.slow })
	return "26.1.5", s.answer(ctx, slow)
}

func (s *scripted) ping(ctx context.Context) error {
	s.set(func() { s.pings++ })
	return s.answer(ctx, 0)
}

func (s *scripted) listen(ctx context.Context, subscribed func()) error {
	stream := make(chan error, 1)
	s.set(func() { s.stream = stream; s.listening++ })
	defer s.set(func() { s.listening-- })
	subscribed()
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
	s.set(func() { s.smokeTests++; late, err = s.smokeTestTime, s.runError })
	return 0, smokeimage.Message, errors.Join(err, s.answer(ctx, late))
}

// breakStream ends the events.
func (s *scripted) breakStream() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stream <- errors.New("its event stream ended")
}

var target = Target{Engine: Moby, Instance: "rd", Run: 1}

// watched is a Monitor that records its phases.
type watched struct {
	*Monitor
	t *testing.T

	mu     sync.Mutex
	phases []Phase
}

func watch(t *testing.T, s *scripted) *watched {
	t.Helper()
	s.smokeTestTime = max(s.smokeTestTime, time.Millisecond) // or there is nothing between two phases
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

// after lets time pass, and waits until all goroutines are blocked again.
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
