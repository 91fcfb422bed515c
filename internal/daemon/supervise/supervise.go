// SPDX-License-Identifier: Apache-2.0

// Package supervise keeps the parts of a program together: they are started one after the
// other and stopped in reverse, and the failure of one is the failure of the whole.
package supervise

import (
	"context"
	"errors"
	"fmt"
)

// Parts are the parts that were started, in order. A part that ends before it is stopped is a
// failure of the whole.
type Parts struct {
	parts  []part
	failed chan error
}

type part struct {
	name string
	stop func() error
}

func (p *Parts) report(err error) {
	select {
	case p.failed <- err:
	default: // the first failure is the one that counts
	}
}

// Add takes over a part that runs already; ended reports its end.
func (p *Parts) Add(name string, ended <-chan error, stop func() error) {
	if p.failed == nil {
		p.failed = make(chan error, 1)
	}
	stopping, watched := make(chan struct{}), make(chan bool, 1)
	go func() {
		select {
		case err := <-ended:
			p.report(tooEarly(name, err))
			watched <- true
		case <-stopping:
			watched <- false
		}
	}()
	p.parts = append(p.parts, part{name: name, stop: func() error {
		close(stopping)
		reported := <-watched
		if err := stop(); !reported {
			return err
		}
		return nil
	}})
}

// Run starts a part that works until its context ends.
func (p *Parts) Run(name string, work func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended, result := make(chan error, 1), make(chan error, 1)
	go func() {
		err := work(ctx)
		ended <- err
		result <- err
	}()
	p.Add(name, ended, func() error {
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

// Wait returns nil when ctx ends, or the failure of a part.
func (p *Parts) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-p.failed:
		return err
	}
}

// WaitFor returns when ready is closed, or with the failure of a part or of ctx.
func (p *Parts) WaitFor(ctx context.Context, ready <-chan struct{}) error {
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case err := <-p.failed:
		return err
	}
}

// Stop ends the parts, the last started first.
func (p *Parts) Stop() error {
	var errs []error
	for i := len(p.parts) - 1; i >= 0; i-- {
		if err := p.parts[i].stop(); err != nil {
			errs = append(errs, fmt.Errorf("stopping: %s: %w", p.parts[i].name, err))
		}
	}
	p.parts = nil
	return errors.Join(errs...)
}
