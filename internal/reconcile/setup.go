// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"

	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// Reconciler is what a manager calls for each request.
type Reconciler interface {
	Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error)
}

// Controller says how a reconciler is registered with a manager.
type Controller struct {
	// Name of the controller.
	Name string
	// For has the kind that is reconciled. A change of an object wakes the reconciler for it.
	For client.Object
	// Workers is how many objects are reconciled at the same time; 0 means one.
	Workers int
	// Wake adds further watches and sources; it may be nil.
	Wake func(b *builder.Builder)
}

// Setup registers the reconciler with a manager, which has not started.
func (c Controller) Setup(mgr manager.Manager, r Reconciler) error {
	skip := true // several servers may run in one process
	b := builder.ControllerManagedBy(mgr).Named(c.Name).For(c.For).
		WithOptions(controller.Options{MaxConcurrentReconciles: c.Workers, SkipNameValidation: &skip})
	if c.Wake != nil {
		c.Wake(b)
	}
	return b.Complete(r)
}

// Always returns a handler that wakes the reconciler for the same request, whichever watched object
// has changed.
func Always(request ctrl.Request) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []ctrl.Request {
		return []ctrl.Request{request}
	})
}

// AtStart returns a source that wakes the reconciler once, when the manager starts. It is for an
// object that may not exist, which no watch reports.
func AtStart(request ctrl.Request) source.Source {
	return source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[ctrl.Request]) error {
		queue.Add(request)
		return nil
	})
}
