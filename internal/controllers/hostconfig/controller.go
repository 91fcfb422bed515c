// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	ctrl "sigs.k8s.io/controller-runtime/pkg/reconcile"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
)

// Name of the controller.
const Name = "integration"

// Setup lets the manager wake the reconciler for each change of the App, and once at the start: an App that went while no daemon
// ran wakes nobody.
func (r *Reconciler) Setup(mgr manager.Manager) error {
	skip := true // several servers may run in one process
	theApp := ctrl.Request{NamespacedName: types.NamespacedName{Name: appv1.AppName}}
	err := builder.ControllerManagedBy(mgr).
		Named(Name).
		For(&appv1.App{}).
		WatchesRawSource(reconcile.AtStart(theApp)).
		WithOptions(controller.Options{SkipNameValidation: &skip}).
		Complete(r)
	if err != nil {
		return fmt.Errorf("setting up the integration controller: %w", err)
	}
	return nil
}
