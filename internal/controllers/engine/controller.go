// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"fmt"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	ctrl "sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
)

// Name of the controller.
const Name = "engine"

// theApp is the only request there is.
var theApp = ctrl.Request{NamespacedName: client.ObjectKey{Name: appv1.AppName}}

// Existing are the requests for all that there is.
func (*Reconciler) Existing(context.Context) ([]ctrl.Request, error) {
	return []ctrl.Request{theApp}, nil
}

// Setup lets the manager wake the reconciler: for each change of the App, of its LimaVM, and of what the Monitor knows.
func (r *Reconciler) Setup(mgr manager.Manager) error {
	skip := true // several servers may run in one process
	toApp := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []ctrl.Request { return []ctrl.Request{theApp} })
	err := builder.ControllerManagedBy(mgr).
		Named(Name).
		For(&appv1.App{}).
		Watches(&limav1.LimaVM{}, toApp, builder.WithPredicates(predicate.NewPredicateFuncs(Concerns))).
		WatchesRawSource(source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[ctrl.Request]) error {
			r.monitor.Watch(func() { queue.Add(theApp) })
			return nil
		})).
		WithOptions(controller.Options{SkipNameValidation: &skip}).
		Complete(r)
	if err != nil {
		return fmt.Errorf("setting up the container engine controller: %w", err)
	}
	return nil
}

// Concerns reports whether a LimaVM bears the name of the App's.
func Concerns(limaVM client.Object) bool { return limaVM.GetName() == appv1.LimaVMName }
