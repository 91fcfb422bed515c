// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
)

// sets of controllers without some of those whose finalizers the objects have.
var sets = map[string][]string{
	"app alone":    {"app"},
	"limavm alone": {"limavm"},
	"neither":      {"engine", "hostinfo"},
	"none":         {},
}

// TestDeletionEndsWithFewerControllers checks that objects that were created with all controllers
// are deleted completely when only some are enabled.
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
			e.waitDeleted("default", "dev", &limav1.LimaVM{}, &limav1.LimaVMList{})
			e.must(e.user.Delete(context.Background(), e.configMap("default", "dev")))
			e.mustLeaveNothing(before)
		})
	}
}

// TestFewerControllersOnlyDelete checks that a controller that is not enabled creates and starts
// nothing, and that objects that were created without it can be deleted.
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

// reconcileOnce does the initial reconcile of another daemon.
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
