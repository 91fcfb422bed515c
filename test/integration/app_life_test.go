// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
)

func contains(text, part string) bool { return strings.Contains(text, part) }

func TestAppLife(t *testing.T) {
	e := start(t)
	before := e.inventory()
	e.must(e.user.Create(context.Background(), newApp(func(app *appv1.App) { app.Spec.Running = true })))
	e.settle()
	app := e.app()
	checkOwnership(e, app)
	checkMirrored(e, app)
	if calls := e.world.Names(); !slices.Equal(calls, []string{"rd"}) {
		t.Fatalf("instances: %v", calls)
	}

	e.patchApp(`{"spec":{"running":false}}`)
	e.settle()
	e.waitVM("default", "rd", limav1.ConditionRunning, check{status: metav1.ConditionFalse, reason: limav1.ReasonStopped})
	e.patchApp(`{"spec":{"running":true}}`)
	e.settle()
	if vm := e.limaVM("default", "rd"); vm.Status.RestartCount != 2 {
		t.Fatalf("two starts are counted as %d", vm.Status.RestartCount)
	}
	e.deleteApp()
	e.mustLeaveNothing(before)

	e.must(e.user.Create(context.Background(), newApp(nil)))
	e.settle()
	if vm := e.limaVM("default", "rd"); vm.Spec.Running {
		t.Fatal("the new LimaVM should not run")
	}
	e.deleteApp()
	e.mustLeaveNothing(before)
}

// checkOwnership checks finalizers, owner references and the chain of ConfigMaps of a settled App.
func checkOwnership(e *env, app *appv1.App) {
	e.Helper()
	if !slices.Contains(app.Finalizers, "rdd.rancherdesktop.io/cleanup") {
		e.Fatalf("the App's finalizers are %v", app.Finalizers)
	}
	vm := e.limaVM("default", "rd")
	if !metav1.IsControlledBy(vm, app) || !slices.Contains(vm.Finalizers, "rdd.rancherdesktop.io/owned-by-App") ||
		!slices.Contains(vm.Finalizers, "rdd.rancherdesktop.io/cleanup") {
		e.Fatalf("the LimaVM is not owned: %+v", vm.ObjectMeta)
	}
	if vm.Spec.TemplateRef.Name != "rd" || vm.Status.TemplateConfigMap != "rd-template" {
		e.Fatalf("the LimaVM's templates are %+v, %+v", vm.Spec, vm.Status)
	}
	own := e.configMap("default", "rd-template")
	if !metav1.IsControlledBy(own, vm) || own.Labels["lima.rancherdesktop.io/template-configmap"] != "true" ||
		!slices.Contains(own.Finalizers, "rdd.rancherdesktop.io/owned-by-LimaVM") {
		e.Fatalf("the template is not owned: %+v", own.ObjectMeta)
	}
	if !contains(own.Data["template"], `hostSocket: "`+dockerSocket+`"`) || !contains(own.Data["template"], "rdd:docker") {
		e.Fatalf("the template is not the rendered one: %s", own.Data["template"])
	}
	e.mustNotExist("default", "rd", &corev1.ConfigMap{})
}

// checkMirrored checks that the App shows the LimaVM's conditions as they are, under its own
// generation.
func checkMirrored(e *env, app *appv1.App) {
	e.Helper()
	vm := e.limaVM("default", "rd")
	for _, conditionType := range []string{"Created", "Running"} {
		theirs := meta.FindStatusCondition(vm.Status.Conditions, conditionType)
		ours := meta.FindStatusCondition(app.Status.Conditions, conditionType)
		if theirs == nil || ours == nil {
			e.Fatalf("%s is not mirrored: %+v, %+v", conditionType, theirs, ours)
		}
		want := *theirs
		want.ObservedGeneration = app.Generation
		if !ours.LastTransitionTime.Equal(&want.LastTransitionTime) {
			e.Fatalf("%s: the transition time is %v, the LimaVM's %v", conditionType, ours.LastTransitionTime, want.LastTransitionTime)
		}
		if ours.LastTransitionTime = want.LastTransitionTime; *ours != want {
			e.Fatalf("%s: got %+v, want %+v", conditionType, *ours, want)
		}
	}
}
