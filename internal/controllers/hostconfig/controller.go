// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
)

// Name of the controller.
const Name = "integration"

// Setup lets the manager wake the reconciler for each change of the App, and once at the start: an
// App that went while no daemon ran wakes nobody.
func (r *Reconciler) Setup(mgr manager.Manager) error {
	theApp := ctrl.Request{NamespacedName: types.NamespacedName{Name: appv1.AppName}}
	return reconcile.Controller{Name: Name, For: &appv1.App{}, Wake: func(b *builder.Builder) {
		b.WatchesRawSource(reconcile.AtStart(theApp))
	}}.Setup(mgr, r)
}
