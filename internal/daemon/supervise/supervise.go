// SPDX-License-Identifier: Apache-2.0

// Package supervise runs the parts of a program together. They are started one after the other and
// stopped in reverse. When one fails, Wait returns its error, so that the caller stops all of them.
package supervise

import (
	"context"
	"errors"
	"fmt"
)

// Parts are the parts that were started, in order. A part that ends before it is stopped has
// failed, also when it ends without an error. The zero value is ready for use.
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
	default: // Wait returns the first failure only
	}
}

// Add adds a part that runs already. ended gets its error when it ends; nil means that it cannot
// end by itself. stop ends it and returns when it has ended.
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

// Run starts a part in the background. work returns when its context has ended.
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

// Wait returns nil when ctx ends, or the first failure of a part.
func (p *Parts) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-p.failed:
		return err
	}
}

// WaitFor returns nil when ready is closed, else the first failure of a part or the error of ctx.
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

// Stop stops the parts, the last one first, and returns their errors. An error that Wait reports is
// not among them.
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
