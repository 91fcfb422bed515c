// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"errors"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/vm"
)

func inNamespace(ns string) func(*appv1.App) {
	return func(app *appv1.App) { app.Spec.Namespace = ns }
}

// TestForeignObjectsAreLeftAlone checks that objects with the App's names that it does not own are
// never adopted, changed or deleted. A condition names them, and the App continues once they are
// deleted.
func TestForeignObjectsAreLeftAlone(t *testing.T) {
	e := start(t)
	e.must(e.create(newConfigMap("default", "foreign", map[string]string{"template": validTemplate})))
	for _, test := range []struct {
		name    string
		foreign client.Object
		reason  string
		message string
	}{
		{"ConfigMap", newConfigMap("default", "rd", map[string]string{"template": "mine"}), appv1.ReasonForeignObject, `ConfigMap "default/rd"`},
		{"LimaVM", newVM("default", "rd", "foreign", nil), appv1.ReasonForeignObject, `LimaVM "default/rd"`},
		{
			"template", newConfigMap("default", "rd-template", map[string]string{"mine": "yes"}), appv1.ReasonBootstrapFailed,
			`"default/rd-template"`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := e.in(t)
			e.must(e.create(test.foreign))
			if test.name == "LimaVM" {
				e.waitVM("default", "rd", limav1.ConditionRunning, check{reason: limav1.ReasonStopped})
			}
			before := e.inventory()
			version := e.version(test.foreign)
			e.must(e.create(newApp(nil)))
			e.waitApp(appv1.ConditionSettled, check{status: metav1.ConditionFalse, reason: test.reason, message: test.message})
			e.deleteApp()
			e.mustLeaveNothing(before)
			if now := e.version(test.foreign); now != version {
				t.Fatalf("the foreign object was changed: %s, then %s", version, now)
			}
			e.must(e.create(newApp(nil)))
			e.waitApp(appv1.ConditionSettled, check{status: metav1.ConditionFalse, reason: test.reason})
			e.must(e.user.Delete(context.Background(), test.foreign))
			e.settle()
			e.deleteApp()
		})
	}
}

func (e *env) version(obj client.Object) string {
	e.Helper()
	now := obj.DeepCopyObject().(client.Object)
	e.must(e.user.Get(context.Background(), client.ObjectKeyFromObject(obj), now))
	return string(now.GetUID()) + "/" + now.GetResourceVersion()
}

// TestNameUsedInAnotherNamespace checks an App whose LimaVM is refused: a condition says so, and
// the App can be deleted.
func TestNameUsedInAnotherNamespace(t *testing.T) {
	e := start(t)
	e.must(e.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "vms"}}))
	e.makeVM("vms", "rd", nil)
	before := e.inventory()
	e.must(e.create(newApp(nil)))
	e.waitApp(appv1.ConditionSettled, check{status: metav1.ConditionFalse, reason: appv1.ReasonBootstrapFailed, message: "already used"})
	e.configMap("default", "rd") // half-built: the input is there, the LimaVM is not
	e.deleteApp()
	e.mustLeaveNothing(before)
}

// TestNamespaces checks that a missing namespace is created, that it is owned and deleted only
// then, and that it stays when it has objects of others.
func TestNamespaces(t *testing.T) {
	e := start(t)
	before := e.inventory()
	e.must(e.create(newApp(inNamespace("vms"))))
	app := e.settle()
	ns := get(e, "", "vms", &corev1.Namespace{})
	if !metav1.IsControlledBy(ns, app) || app.Status.NamespaceUID != string(ns.UID) {
		t.Fatalf("the namespace is not owned: %+v, %+v", ns.ObjectMeta, app.Status)
	}
	for _, options := range deletions {
		e.mustRefuse(
			e.user.Delete(context.Background(), ns.DeepCopy(), options...), `cannot delete namespace "vms"`, `LimaVM "rd"`, "delete the App",
		)
	}
	e.deleteApp()
	e.waitDeleted("", "vms", &corev1.Namespace{}, &corev1.NamespaceList{})
	e.mustLeaveNothing(before)

	mine := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "vms"}}
	e.must(e.create(mine))
	before = e.inventory()
	e.must(e.create(newApp(inNamespace("vms"))))
	if app := e.settle(); app.Status.NamespaceUID != "" {
		t.Fatal("the App claims a namespace that it did not make")
	}
	e.deleteApp()
	e.mustLeaveNothing(before)

	e.must(e.create(newApp(inNamespace("more"))))
	e.settle()
	e.must(e.create(newConfigMap("more", "precious", map[string]string{"data": "mine"})))
	e.deleteApp()
	if kept := get(e, "", "more", &corev1.Namespace{}); len(kept.OwnerReferences) > 0 || kept.DeletionTimestamp != nil {
		t.Fatalf("the namespace that others use is %+v", kept.ObjectMeta)
	}
	e.configMap("more", "precious")
}

// TestAppWaitsForATerminatingNamespace checks that the App waits for a namespace that is being
// deleted, and then creates it.
func TestAppWaitsForATerminatingNamespace(t *testing.T) {
	e := start(t)
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "vms"}}
	e.must(e.create(ns))
	stuck := newConfigMap("vms", "stuck", nil)
	stuck.Finalizers = []string{"example.com/stuck"}
	e.must(e.create(stuck))
	e.must(e.user.Delete(context.Background(), ns.DeepCopy()))
	e.must(e.create(newApp(inNamespace("vms"))))
	e.waitApp(appv1.ConditionSettled, check{status: metav1.ConditionFalse, reason: appv1.ReasonWaitingForLimaVM, message: `Namespace "vms"`})
	e.must(e.user.Patch(
		context.Background(), newConfigMap("vms", "stuck", nil),
		client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`)),
	))
	e.settle()
}

// TestSpecChangesReachTheMachine checks that CPUs and memory are rendered into the template, that
// the machine is restarted, and that Settled is right in between.
func TestSpecChangesReachTheMachine(t *testing.T) {
	e := start(t)
	e.must(e.create(newApp(func(app *appv1.App) { app.Spec.Running = true })))
	e.settle()
	count := e.limaVM("default", "rd").Status.RestartCount
	app := e.patchApp(`{"spec":{"virtualMachine":{"cpus":3,"memory":"3Gi"}}}`)
	e.wait("settled at the new generation", &appv1.AppList{}, func() (bool, string) {
		now := e.app()
		settled := meta.FindStatusCondition(now.Status.Conditions, appv1.ConditionSettled)
		if settled.Status == metav1.ConditionTrue && settled.ObservedGeneration == app.Generation {
			return true, ""
		}
		return false, settled.Reason
	})
	vm := e.limaVM("default", "rd")
	if data := e.configMap("default", "rd-template").Data["template"]; !contains(data, "cpus: 3") || !contains(data, `memory: "3072MiB"`) {
		t.Fatalf("the template is %s", data)
	}
	if vm.Status.RestartCount != count+1 || vm.Status.RestartNeeded {
		t.Fatalf("settled before the restart: %+v", vm.Status)
	}
	if data, _ := e.world.Template("rd"); !contains(string(data), "cpus: 3") {
		t.Fatalf("settled before the machine had it: %s", data)
	}
}

// TestFailuresReachTheApp checks that Settled has the reason and message of the LimaVM's failure.
func TestFailuresReachTheApp(t *testing.T) {
	e := start(t)
	lacking := &vm.HostError{Missing: "mmdebstrap", Hint: "sudo apt-get install mmdebstrap"}
	e.world.FailOperation(vm.OperationCreate, lacking, -1)
	e.must(e.create(newApp(nil)))
	e.waitApp(appv1.ConditionSettled, check{status: metav1.ConditionFalse, reason: limav1.ReasonCreateFailed, message: lacking.Hint})
	e.waitApp(appv1.ConditionCreated, check{status: metav1.ConditionFalse, reason: limav1.ReasonCreateFailed, message: lacking.Hint})
	e.deleteApp()
	if names := e.world.Names(); len(names) > 0 {
		t.Fatalf("left behind: %v", names)
	}
	e.world.FailOperation(vm.OperationCreate, nil, 0)
	e.world.FailOperation(vm.OperationStart, errors.New("the kernel panicked"), -1)
	e.must(e.create(newApp(func(app *appv1.App) { app.Spec.Running = true })))
	e.waitApp(appv1.ConditionSettled, check{status: metav1.ConditionFalse, reason: limav1.ReasonStartFailed, message: "panicked"})
	e.world.FailOperation(vm.OperationStart, nil, 0)
	e.settle()
}

// TestHalfBuiltAppsCanBeDeleted deletes an App that no controller has reconciled, one that only its
// own controller has, and one whose daemon was killed.
func TestHalfBuiltAppsCanBeDeleted(t *testing.T) {
	e := start(t)
	before := e.inventory()
	e.must(e.create(newApp(func(app *appv1.App) { app.Spec.Running = true })))
	e.waitVM("default", "rd", limav1.ConditionRunning, check{reason: limav1.ReasonStarting})
	e.must(e.user.Delete(context.Background(), newApp(nil)))
	e.waitDeleted("", appv1.AppName, &appv1.App{}, &appv1.AppList{})
	e.mustLeaveNothing(before)

	e.stopControllers()
	e.must(e.create(newApp(nil)))
	e.must(e.user.Delete(context.Background(), newApp(nil)))
	e.startControllers()
	e.waitDeleted("", appv1.AppName, &appv1.App{}, &appv1.AppList{})
	e.mustLeaveNothing(before)

	e.must(e.create(newApp(func(app *appv1.App) { app.Spec.Running = true })))
	e.settle()
	boot := e.limaVM("default", "rd").Status.BootID
	e.stopControllers()
	e.startControllers()
	e.settle()
	if now := e.limaVM("default", "rd").Status; now.BootID != boot || now.RestartCount != 1 {
		t.Fatalf("a restart of the daemon touched the guest: %+v", now)
	}
	e.stopControllers()
	e.must(e.user.Delete(context.Background(), newApp(nil), client.PropagationPolicy(metav1.DeletePropagationForeground)))
	e.startControllers()
	e.waitDeleted("", appv1.AppName, &appv1.App{}, &appv1.AppList{})
	e.mustLeaveNothing(before)
}

// TestLimaVMDeletedByForceIsMadeAgain checks that the App creates its LimaVM again after somebody
// has deleted it by force.
func TestLimaVMDeletedByForceIsMadeAgain(t *testing.T) {
	e := start(t)
	e.must(e.create(newApp(nil)))
	e.settle()
	old := e.limaVM("default", "rd")
	forced := e.as("system:rdd:controller:app")
	e.stopControllers()
	e.must(forced.Patch(context.Background(), newVM("default", "rd", "", nil), client.RawPatch(types.MergePatchType,
		[]byte(`{"metadata":{"finalizers":["rdd.rancherdesktop.io/cleanup"]}}`))))
	e.must(forced.Delete(context.Background(), newVM("default", "rd", "", nil)))
	e.startControllers()
	e.waitVMTo("made again", "default", "rd", func(vm *limav1.LimaVM) bool { return vm.UID != old.UID })
	app := e.settle()
	checkOwnership(e, app)
	if !slices.Equal(e.world.Names(), []string{"rd"}) {
		t.Fatalf("instances: %v", e.world.Names())
	}
}
