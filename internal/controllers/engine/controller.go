// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"

	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
)

// Name of the controller.
const Name = "engine"

// theApp is the request for the App, of which there is only one.
var theApp = ctrl.Request{NamespacedName: client.ObjectKey{Name: appv1.AppName}}

// Existing returns the requests of the initial reconcile.
func (*Reconciler) Existing(context.Context) ([]ctrl.Request, error) {
	return []ctrl.Request{theApp}, nil
}

// Setup registers the reconciler with a manager. Changes of the App, of its LimaVM and of the
// Monitor's state wake it.
func (r *Reconciler) Setup(mgr manager.Manager) error {
	byName := builder.WithPredicates(predicate.NewPredicateFuncs(Concerns))
	return reconcile.Controller{Name: Name, For: &appv1.App{}, Wake: func(b *builder.Builder) {
		b.Watches(&limav1.LimaVM{}, reconcile.Always(theApp), byName).WatchesRawSource(source.Func(r.watchMonitor))
	}}.Setup(mgr, r)
}

// watchMonitor adds a request to the queue for each change of the Monitor's state.
func (r *Reconciler) watchMonitor(_ context.Context, queue workqueue.TypedRateLimitingInterface[ctrl.Request]) error {
	r.monitor.Watch(func() { queue.Add(theApp) })
	return nil
}

// Concerns reports whether a LimaVM has the name of the App's LimaVM, in any namespace.
func Concerns(limaVM client.Object) bool { return limaVM.GetName() == appv1.LimaVMName }
