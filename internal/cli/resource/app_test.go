// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"errors"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	"rancherdesktop.io/rdd/api/scheme"
	"rancherdesktop.io/rdd/internal/cli/session"
)

// Of two commands that find no App and make it at once, the second must not undo what the first has
// set.
func TestCreateAppKeepsWhatAnotherHasSet(t *testing.T) {
	c := fake.NewClientBuilder().WithScheme(scheme.New()).WithReturnManagedFields().Build()
	machine := func(name string, value any) map[string]any {
		return map[string]any{"virtualMachine": map[string]any{name: value}}
	}
	for _, spec := range []map[string]any{machine("cpus", int64(3)), machine("memory", "3Gi"), runningSpec(true)} {
		if _, err := CreateApp(t.Context(), c, spec); err != nil {
			t.Fatal(err)
		}
	}
	app, err := App(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if vm := app.Spec.VirtualMachine; vm.CPUs != 3 || vm.Memory.String() != "3Gi" || !app.Spec.Running {
		t.Errorf("the spec is %+v", app.Spec)
	}
}

func TestAfterVMWaitsForTheControllerToSeeTheVM(t *testing.T) {
	running := func(second int64) *metav1.Condition {
		return &metav1.Condition{Type: appv1.ConditionRunning, LastTransitionTime: metav1.Unix(second, 0)}
	}
	settledThen := func(second int64) *appv1.App { return app(settled, *running(second)) }
	until := AfterVM(running(5), AppSettled(app()))
	for _, tt := range []struct {
		app  *appv1.App
		done bool
	}{
		{settledThen(4), false}, {app(settled), false}, {settledThen(5), true}, {settledThen(6), true}, {app(booting, *running(5)), false},
	} {
		if v, err := until(tt.app); err != nil || v.Done != tt.done {
			t.Errorf("%v: got %+v, %v", tt.app.Status.Conditions, v, err)
		}
	}
	if _, err := until(nil); err == nil {
		t.Error("an App that is gone is waited for")
	}
	failing := AfterVM(running(5), func(_ ctrlclient.Object) (session.Result, error) { return session.Result{}, errors.New("no") })
	if _, err := failing(settledThen(5)); err == nil {
		t.Error("the error is lost")
	}
}

func TestAppSettledKnowsTheProperties(t *testing.T) {
	wanted, bigger := app(), app(settled)
	wanted.Spec.VirtualMachine.CPUs = 2
	bigger.Generation, bigger.Spec.VirtualMachine.CPUs = 3, 4
	for _, tt := range []struct {
		name, want string
	}{
		{
			"virtualMachine.cpus", "the App was changed meanwhile: its spec.virtualMachine.cpus is 4 now",
		}, {"virtualMachine.memory", ""}, {"running", ""},
	} {
		v, err := AppSettled(wanted, tt.name)(bigger)
		if tt.want == "" && (err != nil || !v.Done) || tt.want != "" && (err == nil || err.Error() != tt.want) {
			t.Errorf("%s: got %+v, %v", tt.name, v, err)
		}
	}
}
