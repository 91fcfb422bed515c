// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"bytes"
	"context"
	"reflect"
	"slices"

	"rancherdesktop.io/rdd/internal/vm"
)

// Call is one call of an Engine's method.
type Call struct {
	// Method of vm.Engine.
	Method string
	// Name of the instance; empty for List.
	Name string
	// Err that the call returned.
	Err error
}

// plan says what is to fail.
type plan struct {
	calls      map[int]error // by number of the call
	methods    map[string]error
	operations map[vm.Operation]*failures
	refusals   []refusal
}

type failures struct {
	err   error
	times int // negative: for ever
}

type refusal struct {
	text []byte
	err  error
}

func newPlan() plan {
	return plan{calls: map[int]error{}, methods: map[string]error{}, operations: map[vm.Operation]*failures{}}
}

// FailCall makes the k-th call from now on (1 is the next) return err and do nothing.
func (w *World) FailCall(k int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.plan.calls[len(w.calls)+k] = err
}

// FailMethod makes every call of a method return err and do nothing; a nil err ends that.
func (w *World) FailMethod(method string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.plan.methods[method] = err
}

// FailOperation makes the background work of an operation fail with err at its next step, as many
// times as times says; negative: until FailOperation is called with times 0.
func (w *World) FailOperation(operation vm.Operation, err error, times int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.plan.operations[operation] = &failures{err: err, times: times}
}

// Refuse makes Apply return err for templates that contain text.
func (w *World) Refuse(text string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.plan.refusals = append(w.plan.refusals, refusal{text: []byte(text), err: err})
}

// Calls lists the calls so far.
func (w *World) Calls() []Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.calls)
}

// call runs one engine call under the world's lock, unless it is to fail, and records it.
func (w *World) call(ctx context.Context, method, name string, do func() error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := ctx.Err()
	if err == nil {
		err = w.plan.call(len(w.calls)+1, method)
	}
	if err == nil {
		before := w.stateOf(name)
		if err = do(); !reflect.DeepEqual(before, w.stateOf(name)) {
			w.changed(name)
		}
	}
	w.calls = append(w.calls, Call{Method: method, Name: name, Err: err})
	return err
}

// stateOf returns an instance's state; the zero State when there is none.
func (w *World) stateOf(name string) vm.State {
	if i := w.instances[name]; i != nil {
		return w.state(name, i)
	}
	return vm.State{}
}

// call returns the error a call is to return.
func (p *plan) call(number int, method string) error {
	if err := p.calls[number]; err != nil {
		return err
	}
	return p.methods[method]
}

// take returns the error that the work of an operation is to fail with now, and counts down.
func (p *plan) take(operation vm.Operation) error {
	f := p.operations[operation]
	if f == nil || f.times == 0 {
		return nil
	}
	if f.times > 0 {
		f.times--
	}
	return f.err
}

// refusal returns the error that Apply is to return for a template.
func (p *plan) refusal(template []byte) error {
	for _, r := range p.refusals {
		if bytes.Contains(template, r.text) {
			return r.err
		}
	}
	return nil
}
