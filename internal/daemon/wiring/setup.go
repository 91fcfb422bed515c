// SPDX-License-Identifier: Apache-2.0

package wiring

import (
	"context"
	"errors"
	"fmt"
	"slices"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"rancherdesktop.io/rdd/internal/reconcile"
)

// existing is a reconciler that knows all that there is to reconcile.
type existing interface {
	reconcile.Reconciler
	Existing(ctx context.Context) ([]ctrl.Request, error)
}

// finalizing is a reconciler whose finalizer keeps objects in the API until it has taken down what
// they stand for.
type finalizing interface {
	// OnlyDeletions makes it leave alone all that is not being deleted.
	OnlyDeletions()
}

// Setup hangs the enabled controllers into a manager made with scheme.New, which has not started. A
// controller that is not enabled, and has a finalizer of its own, is hung in for deletions only: a
// deletion ends in every daemon, whichever controllers the objects were made with.
//
// initial is the initial reconcile: when it returns, each of them has reconciled once all that
// there was, so that the API does not describe machines as another daemon left them, and rules know
// the host. What went wrong is tried again when the manager runs.
func (c *Controllers) Setup(mgr manager.Manager) (initial func(ctx context.Context) error, err error) {
	var reconcilers []existing
	for _, each := range c.all {
		if each.build == nil {
			continue
		}
		r, err := c.hang(mgr, each)
		if err != nil {
			return nil, fmt.Errorf("setting up controller %s: %w", each.name, err)
		}
		if e, ok := r.(existing); ok {
			reconcilers = append(reconcilers, e)
		}
	}
	return func(ctx context.Context) error {
		var errs []error
		for _, r := range slices.Backward(reconcilers) {
			errs = append(errs, reconcileAll(ctx, r))
		}
		return errors.Join(append(errs, c.home.wait(ctx))...)
	}, nil
}

// hang builds a controller's reconciler and hangs it into a manager; nil: it has nothing to do.
func (c *Controllers) hang(mgr manager.Manager, made controller) (reconciler, error) {
	live, err := c.client(made.name)
	if err != nil {
		return nil, err
	}
	r := made.build(live)
	if !c.enabled(made.name) {
		f, ok := r.(finalizing)
		if !ok {
			return nil, nil
		}
		f.OnlyDeletions()
	}
	return r, r.Setup(mgr)
}

func reconcileAll(ctx context.Context, r existing) error {
	requests, err := r.Existing(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, request := range requests {
		_, err := r.Reconcile(ctx, request)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
