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

// Name of the controller. It is older than the package's name; saved arguments have it.
const Name = "integration"

// Setup registers the reconciler with a manager. Changes of the App wake it, and the start of the
// manager: an App that was deleted while no daemon ran causes no event.
func (r *Reconciler) Setup(mgr manager.Manager) error {
	theApp := ctrl.Request{NamespacedName: types.NamespacedName{Name: appv1.AppName}}
	return reconcile.Controller{Name: Name, For: &appv1.App{}, Wake: func(b *builder.Builder) {
		b.WatchesRawSource(reconcile.AtStart(theApp))
	}}.Setup(mgr, r)
}
