// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
)

// sets of controllers that lack some of those whose finalizers objects have.
var sets = map[string][]string{
	"app alone":    {"app"},
	"limavm alone": {"limavm"},
	"neither":      {"engine", "hostinfo"},
	"none":         {},
}

// TestDeletionEndsWithFewerControllers: what was made by all controllers is deleted whole where
// only some of them are enabled, and nothing is left of it.
func TestDeletionEndsWithFewerControllers(t *testing.T) {
	for name, enabled := range sets {
		t.Run(name, func(t *testing.T) {
			e := start(t)
			before := e.inventory()
			e.must(e.user.Create(context.Background(), newApp(func(app *appv1.App) { app.Spec.Running = true })))
			e.settle()
			e.must(e.create(newConfigMap("default", "dev", map[string]string{"template": validTemplate})))
			e.must(e.user.Create(context.Background(), newVM("default", "dev", "dev", nil)))
			e.waitVM("default", "dev", limav1.ConditionCreated, check{status: metav1.ConditionTrue})

			e.restartWith(enabled)
			e.deleteApp()
			e.must(e.user.Delete(context.Background(), e.limaVM("default", "dev")))
			e.waitGone("default", "dev", &limav1.LimaVM{}, &limav1.LimaVMList{})
			e.must(e.user.Delete(context.Background(), e.configMap("default", "dev")))
			e.mustLeaveNothing(before)
		})
	}
}

// TestFewerControllersOnlyDelete: a controller that is not enabled makes and starts nothing, and
// what was made without it is deleted all the same.
func TestFewerControllersOnlyDelete(t *testing.T) {
	e := start(t)
	before := e.inventory()
	e.restartWith([]string{"app"})
	e.must(e.user.Create(context.Background(), newApp(func(app *appv1.App) { app.Spec.Running = true })))
	e.waitVMTo("LimaVM rd exists", "default", "rd", func(*limav1.LimaVM) bool { return true })
	e.must(e.reconcileOnce())
	if vm := e.limaVM("default", "rd"); len(vm.Status.Conditions) > 0 || len(e.world.Names()) > 0 {
		t.Errorf("a controller that is not enabled has worked: %+v, instances %v", vm.Status, e.world.Names())
	}
	e.deleteApp()
	e.mustLeaveNothing(before)
}

// reconcileOnce has the controllers of another daemon reconcile once all that there is.
func (e *env) reconcileOnce() error {
	initial, err := e.controllers().Setup(e.newManager())
	e.must(err)
	return initial(context.Background())
}

// restartWith stops the controllers and starts those of a daemon that has only some of them
// enabled.
func (e *env) restartWith(enabled []string) {
	e.Helper()
	e.stopControllers()
	e.values.Enabled = enabled
	e.startControllers()
}
