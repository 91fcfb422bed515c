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
type initialReconciler interface {
	reconcile.Reconciler
	Existing(ctx context.Context) ([]ctrl.Request, error)
}

// finalizing is a reconciler whose finalizer keeps objects in the API until it has cleaned up.
type finalizing interface {
	// OnlyDeletions restricts it to objects that are being deleted.
	OnlyDeletions()
}

// Setup registers the enabled controllers with a manager that has the scheme of scheme.New and has
// not started. A controller that is not enabled and has a finalizer is registered for deletions
// only. So a deletion ends in every daemon, whichever controllers the objects were created with.
//
// initial does the initial reconcile: each controller reconciles its existing objects once. After
// it the API has the present state of machines instead of an earlier daemon's, and the admission
// rules know the host. Objects whose reconcile has failed are reconciled again when the manager
// runs.
func (c *Controllers) Setup(mgr manager.Manager) (initial func(ctx context.Context) error, err error) {
	var reconcilers []initialReconciler
	for _, each := range c.all {
		if each.build == nil {
			continue
		}
		r, err := c.register(mgr, each)
		if err != nil {
			return nil, fmt.Errorf("setting up controller %s: %w", each.name, err)
		}
		if e, ok := r.(initialReconciler); ok {
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

// register builds a controller's reconciler and registers it with a manager. It returns nil when
// the controller is not enabled and has no finalizer.
func (c *Controllers) register(mgr manager.Manager, made controller) (reconciler, error) {
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

// reconcileAll reconciles all existing objects of a reconciler once, whether or not some fail.
func reconcileAll(ctx context.Context, r initialReconciler) error {
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
