// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
)

// Name of the controller.
const Name = "app"

// theApp is the request for the App, of which there is only one.
var theApp = ctrl.Request{NamespacedName: types.NamespacedName{Name: appv1.AppName}}

// Existing returns the requests of the initial reconcile.
func (*Reconciler) Existing(context.Context) ([]ctrl.Request, error) {
	return []ctrl.Request{theApp}, nil
}

// Setup registers the reconciler with a manager. Changes wake it: of the App, of objects with the
// names that the App uses, and of namespaces.
func (r *Reconciler) Setup(mgr manager.Manager) error {
	toApp, byName := reconcile.Always(theApp), builder.WithPredicates(predicate.NewPredicateFuncs(Concerns))
	return reconcile.Controller{Name: Name, For: &appv1.App{}, Wake: func(b *builder.Builder) {
		b.Watches(&limav1.LimaVM{}, toApp, byName).
			Watches(&corev1.ConfigMap{}, toApp, byName, builder.OnlyMetadata).
			Watches(&corev1.Namespace{}, toApp, builder.OnlyMetadata)
	}}.Setup(mgr, r)
}

// Concerns reports whether an object has a name that the App controller uses.
func Concerns(obj client.Object) bool {
	return obj.GetName() == appv1.LimaVMName || obj.GetName() == appv1.LimaVMName+limav1.TemplateSuffix
}
