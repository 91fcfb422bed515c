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

// Reconciler is what a manager wakes.
type Reconciler interface {
	Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error)
}

// Controller is how a reconciler is hung into a manager.
type Controller struct {
	// Name of the controller.
	Name string
	// For is the kind whose changes wake the reconciler.
	For client.Object
	// Workers reconcile as many objects at once; 0: one.
	Workers int
	// Wake adds what else wakes it; nil: nothing.
	Wake func(b *builder.Builder)
}

// Setup hangs the reconciler into a manager.
func (c Controller) Setup(mgr manager.Manager, r Reconciler) error {
	skip := true // several servers may run in one process
	b := builder.ControllerManagedBy(mgr).Named(c.Name).For(c.For).
		WithOptions(controller.Options{MaxConcurrentReconciles: c.Workers, SkipNameValidation: &skip})
	if c.Wake != nil {
		c.Wake(b)
	}
	return b.Complete(r)
}

// Always makes every object that is watched wake the reconciler for one request.
func Always(request ctrl.Request) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []ctrl.Request {
		return []ctrl.Request{request}
	})
}

// AtStart wakes the reconciler once when the manager starts, for what no watch reports: an object
// that is not there.
func AtStart(request ctrl.Request) source.Source {
	return source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[ctrl.Request]) error {
		queue.Add(request)
		return nil
	})
}
