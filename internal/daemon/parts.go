// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"errors"
	"fmt"
)

// running are the parts that were started, in order. A part that ends before it was told to is a failure of the whole.
type running struct {
	parts  []part
	failed chan error
	port   int
}

type part struct {
	name string
	stop func() error
}

func (r *running) report(err error) {
	select {
	case r.failed <- err:
	default: // the first failure is the one that counts
	}
}

// add takes over a part that runs already; ended reports its end.
func (r *running) add(name string, ended <-chan error, stop func() error) {
	if r.failed == nil {
		r.failed = make(chan error, 1)
	}
	stopping := make(chan struct{})
	go func() {
		select {
		case err := <-ended:
			r.report(tooEarly(name, err))
		case <-stopping:
		}
	}()
	r.parts = append(r.parts, part{name: name, stop: func() error {
		close(stopping)
		return stop()
	}})
}

// run starts a part that works until its context ends.
func (r *running) run(name string, work func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended, result := make(chan error, 1), make(chan error, 1)
	go func() {
		err := work(ctx)
		ended <- err
		result <- err
	}()
	r.add(name, ended, func() error {
		cancel()
		return <-result
	})
}

func tooEarly(name string, err error) error {
	if err == nil {
		err = errors.New("it ended by itself")
	}
	return fmt.Errorf("%s: %w", name, err)
}

// wait returns nil when ctx ends, or the failure of a part.
func (r *running) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-r.failed:
		return err
	}
}

// waitFor returns when ready is closed, or with the failure of a part or of ctx.
func (r *running) waitFor(ctx context.Context, ready <-chan struct{}) error {
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case err := <-r.failed:
		return err
	}
}

// stop ends the parts, the last started first.
func (r *running) stop() error {
	var errs []error
	for i := len(r.parts) - 1; i >= 0; i-- {
		if err := r.parts[i].stop(); err != nil {
			errs = append(errs, fmt.Errorf("stopping: %s: %w", r.parts[i].name, err))
		}
	}
	r.parts = nil
	return errors.Join(errs...)
}
