// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"context"
	"errors"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
)

// suite is one part's subject and the instance it works on.
type suite struct {
	*testing.T
	Subject
	name  string
	owner vm.Owner
	other vm.Owner
}

func newSuite(t *testing.T, subject Subject, name string) *suite {
	s := &suite{
		T: t, Subject: subject, name: name,
		owner: vm.Owner{UID: "uid-of-" + name, Namespace: "default", Name: name},
		other: vm.Owner{UID: "uid-of-another", Namespace: "elsewhere", Name: name},
	}
	t.Cleanup(s.cleanUp)
	return s
}

// cleanUp deletes the instance whatever the test left of it.
func (s *suite) cleanUp() {
	if err := s.Engine.Delete(context.Background(), s.owner, s.name); err != nil {
		s.Errorf("deleting %s at the end: %v", s.name, err)
		return
	}
	s.waitDeleted("after the test")
}

// spec returns a spec for the instance; the same template has the same revision.
func (s *suite) spec(owner vm.Owner, template []byte) vm.Spec {
	return vm.Spec{Name: s.name, Owner: owner, Template: template, Revision: revision(template), Incarnation: incarnation}
}

// incarnation of the instances that the suite creates.
const incarnation = "the first"

// revision is another text for each template; engines do not interpret it.
func revision(template []byte) string { return "revision:" + string(template) }

func (s *suite) observe(step string) vm.State {
	s.Helper()
	state, err := s.Engine.Observe(s.Context(), s.name)
	if err != nil {
		s.Fatalf("%s: observing: %v", step, err)
	}
	return state
}

func (s *suite) mustNot(step string, err error) {
	s.Helper()
	if err != nil {
		s.Fatalf("%s: %v", step, err)
	}
}

func (s *suite) mustBe(step string, err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Fatalf("%s: want %v, got %v", step, want, err)
	}
}

func (s *suite) mustBeTaken(step string, err error) {
	s.Helper()
	var taken *vm.NameTakenError
	if !errors.As(err, &taken) {
		s.Fatalf("%s: want a NameTakenError, got %v", step, err)
	}
	if f := vm.FaultOf(err); f.Kind != vm.FaultNameTaken {
		s.Fatalf("%s: a name that is taken is %+v", step, *f)
	}
}

func (s *suite) check(step string, ok bool, state vm.State) {
	s.Helper()
	if !ok {
		s.Fatalf("%s: not so: %+v", step, state)
	}
}

// waitFor waits until the instance's state satisfies ok.
func (s *suite) waitFor(step string, ok func(vm.State) bool) vm.State {
	s.Helper()
	var last vm.State
	s.wait(step, func() (bool, error) {
		state, err := s.Engine.Observe(s.Context(), s.name)
		last = state
		return err == nil && ok(state), err
	}, func() any { return last })
	return last
}

// waitDeleted waits until there is no instance.
func (s *suite) waitDeleted(step string) {
	s.Helper()
	s.wait(step, func() (bool, error) {
		_, err := s.Engine.Observe(context.Background(), s.name)
		if errors.Is(err, vm.ErrNotFound) {
			return true, nil
		}
		return false, err
	}, func() any { return "still there" })
}

// wait calls done each time that the engine reports a change. Watch reports every instance at its
// beginning, so nothing that happened before is missed.
func (s *suite) wait(step string, done func() (bool, error), last func() any) {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), s.Timeout)
	defer cancel()
	wake := make(chan struct{}, 1)
	wake <- struct{}{}
	s.mustNot(step, s.Engine.Watch(ctx, func(string) {
		select {
		case wake <- struct{}{}:
		default:
		}
	}))
	for {
		select {
		case <-ctx.Done():
			s.Fatalf("%s: not within %s; last seen: %+v", step, s.Timeout, last())
		case <-wake:
		}
		ok, err := done()
		if err != nil {
			s.Fatalf("%s: observing: %v", step, err)
		}
		if ok {
			return
		}
	}
}

// busy repeats a call that the engine may refuse with ErrBusy for a while.
func (s *suite) busy(step string, call func() error) {
	s.Helper()
	var last error
	s.wait(step, func() (bool, error) {
		last = call()
		if errors.Is(last, vm.ErrBusy) {
			return false, nil
		}
		return last == nil, last
	}, func() any { return last })
}

func phase(want vm.Phase) func(vm.State) bool {
	return func(s vm.State) bool { return s.Phase == want }
}
