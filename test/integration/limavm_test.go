// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/vm"
)

// makeVM creates a LimaVM of a valid template and waits until its instance is created.
func (e *env) makeVM(ns, name string, change func(*limav1.LimaVM)) *limav1.LimaVM {
	e.Helper()
	source := newConfigMap(ns, name+"-source", map[string]string{"template": validTemplate})
	source.Labels = map[string]string{"lima.rancherdesktop.io/source-of": name}
	e.must(e.create(source))
	e.must(e.create(newVM(ns, name, name+"-source", change)))
	return e.waitVM(ns, name, limav1.ConditionCreated, check{status: metav1.ConditionTrue, reason: limav1.ReasonCreated})
}

func run(vm *limav1.LimaVM) { vm.Spec.Running = true }

func (e *env) waitRunning(name string) *limav1.LimaVM {
	e.Helper()
	return e.waitVM("default", name, limav1.ConditionRunning, check{status: metav1.ConditionTrue, reason: limav1.ReasonStarted})
}

func (e *env) patchVM(name, patch string) {
	e.Helper()
	e.must(e.user.Patch(context.Background(), newVM("default", name, "", nil), client.RawPatch(types.MergePatchType, []byte(patch))))
}

func (e *env) editTemplate(name, patch string) {
	e.Helper()
	e.must(e.user.Patch(
		context.Background(), newConfigMap("default", name+"-template", nil), client.RawPatch(types.MergePatchType, []byte(patch)),
	))
}

func (e *env) deleteVM(ns, name string) {
	e.Helper()
	e.must(e.user.Delete(context.Background(), newVM(ns, name, "", nil)))
	e.waitDeleted(ns, name, &limav1.LimaVM{}, &limav1.LimaVMList{})
}

// TestLimaVMLife creates a LimaVM from a source, starts and stops it, and deletes it with
// everything that it owns.
func TestLimaVMLife(t *testing.T) {
	e := start(t)
	before := e.inventory()
	made := e.makeVM("default", "one", nil)
	own := e.configMap("default", "one-template")
	if own.Data["template"] != validTemplate || made.Status.TemplateConfigMap != "one-template" ||
		made.Status.ObservedTemplateResourceVersion != own.ResourceVersion || made.Status.ObservedTemplateHash == "" {
		t.Fatalf("the template is not copied: %+v, %+v", own, made.Status)
	}
	e.waitVM("default", "one", limav1.ConditionRunning, check{status: metav1.ConditionFalse, reason: limav1.ReasonStopped})

	e.patchVM("one", `{"spec":{"running":true}}`)
	up := e.waitRunning("one")
	if up.Status.BootID == "" || up.Status.SSHLocalPort == 0 || up.Status.Accelerator != "tcg" || up.Status.RestartCount != 1 {
		t.Fatalf("a running machine shows %+v", up.Status)
	}
	e.patchVM("one", `{"spec":{"running":false}}`)
	down := e.waitVM("default", "one", limav1.ConditionRunning, check{status: metav1.ConditionFalse, reason: limav1.ReasonStopped})
	if down.Status.BootID != "" || down.Status.SSHLocalPort != 0 {
		t.Fatalf("a stopped machine shows %+v", down.Status)
	}
	e.patchVM("one", `{"spec":{"running":true}}`)
	if again := e.waitRunning("one"); again.Status.RestartCount != 2 {
		t.Fatalf("restartCount is %d", again.Status.RestartCount)
	}
	e.deleteVM("default", "one")
	e.mustLeaveNothing(before)
}

// TestSourceIsNeverReadAgain checks that the source is not read once it was copied.
func TestSourceIsNeverReadAgain(t *testing.T) {
	e := start(t)
	e.must(e.create(newConfigMap("default", "mine", map[string]string{"template": validTemplate})))
	e.must(e.create(newVM("default", "one", "mine", run)))
	up := e.waitRunning("one")
	e.must(e.user.Patch(
		context.Background(), newConfigMap("default", "mine", nil),
		client.RawPatch(types.MergePatchType, []byte(`{"data":{"template":"nonsense"}}`)),
	))
	e.patchVM("one", `{"metadata":{"annotations":{"a":"b"}}}`)
	if now := e.waitRunning("one"); now.Status.RestartCount != up.Status.RestartCount {
		t.Fatal("the source was read again")
	}
	e.deleteVM("default", "one")
	e.configMap("default", "mine")
}

// TestTemplateEdits checks that a change of the template's text restarts a running machine, and
// that a change of labels does not.
func TestTemplateEdits(t *testing.T) {
	e := start(t)
	e.makeVM("default", "one", run)
	up := e.waitRunning("one")
	oldVersion := up.Status.ObservedTemplateResourceVersion

	e.editTemplate("one", `{"metadata":{"labels":{"mine":"yes"}}}`)
	version := e.configMap("default", "one-template").ResourceVersion
	labelled := e.waitVMTo("the label's version is observed", "default", "one", func(vm *limav1.LimaVM) bool {
		return vm.Status.ObservedTemplateResourceVersion == version
	})
	if labelled.Status.RestartCount != up.Status.RestartCount || labelled.Status.BootID != up.Status.BootID ||
		labelled.Status.ObservedTemplateHash != up.Status.ObservedTemplateHash {
		t.Fatalf("a label restarted the machine: %+v", labelled.Status)
	}

	e.editTemplate("one", `{"data":{"template":"cpus: 1\n`+strings.ReplaceAll(validTemplate, "\n", `\n`)+`"}}`)
	edited := e.configMap("default", "one-template").ResourceVersion
	needed := false
	restarted := e.waitVMTo("restarted into the edit", "default", "one", func(vm *limav1.LimaVM) bool {
		needed = needed || vm.Status.RestartNeeded
		running := meta.FindStatusCondition(vm.Status.Conditions, limav1.ConditionRunning)
		if vm.Status.RestartCount == up.Status.RestartCount && vm.Status.ObservedTemplateResourceVersion == edited {
			t.Error("the edit was observed before the restart into it was complete")
		}
		return vm.Status.RestartCount == up.Status.RestartCount+1 && running.Status == metav1.ConditionTrue &&
			vm.Status.ObservedTemplateResourceVersion == edited
	})
	if !needed || restarted.Status.RestartNeeded || restarted.Status.ObservedTemplateHash == up.Status.ObservedTemplateHash ||
		oldVersion == edited {
		t.Fatalf("restartNeeded was seen: %v; now %+v", needed, restarted.Status)
	}
	if data, _ := e.world.Template("one"); !strings.HasPrefix(string(data), "cpus: 1\n") {
		t.Fatalf("the instance has %q", data)
	}

	e.patchVM("one", `{"spec":{"params":{"greeting":"hej"}}}`)
	e.waitVMTo("restarted into other params", "default", "one", func(vm *limav1.LimaVM) bool {
		return vm.Status.RestartCount == up.Status.RestartCount+2 && !vm.Status.RestartNeeded
	})
	if _, params := e.world.Template("one"); params["greeting"] != "hej" {
		t.Fatalf("the instance has params %v", params)
	}

	e.patchVM("one", `{"spec":{"running":false}}`)
	e.waitVM("default", "one", limav1.ConditionRunning, check{reason: limav1.ReasonStopped})
	e.editTemplate("one", `{"data":{"template":`+string(encode(validTemplate))+`}}`)
	stopped := e.configMap("default", "one-template").ResourceVersion
	off := e.waitVMTo("a stopped machine takes an edit at once", "default", "one", func(vm *limav1.LimaVM) bool {
		return vm.Status.ObservedTemplateResourceVersion == stopped
	})
	if off.Status.RestartNeeded {
		t.Fatal("a stopped machine needs no restart")
	}
}

// TestGuestThatDiesIsRestarted checks that a machine that has ended by itself is restarted, with
// the cause in the condition and an Event.
func TestGuestThatDiesIsRestarted(t *testing.T) {
	e := start(t)
	e.makeVM("default", "one", run)
	up := e.waitRunning("one")
	e.must(e.world.KillGuest("one"))
	e.waitVM(
		"default", "one", limav1.ConditionRunning,
		check{status: metav1.ConditionFalse, reason: limav1.ReasonStarting, message: "ended by itself"},
	)
	e.waitVMTo("started again", "default", "one", func(vm *limav1.LimaVM) bool { return vm.Status.RestartCount == up.Status.RestartCount+1 })
	e.wait("an Event says so", &corev1.EventList{}, func() (bool, string) {
		var events corev1.EventList
		e.must(e.user.List(context.Background(), &events))
		return slices.ContainsFunc(events.Items, func(ev corev1.Event) bool {
			return ev.Reason == "MachineDied" && ev.InvolvedObject.Name == "one" && ev.Type == corev1.EventTypeWarning
		}), "no such Event"
	})
}

// TestMachinesAreAdopted checks that a machine that has lost its hostagent gets another one, while
// the daemon runs and when it is started. The machine keeps running, and its status stays.
func TestMachinesAreAdopted(t *testing.T) {
	e := start(t)
	e.makeVM("default", "one", run)
	before := e.waitRunning("one")
	adopted := func(when string) {
		t.Helper()
		if !eventually(t.Context(), func() bool { return !e.world.Orphaned("one") }) {
			t.Fatalf("%s: not adopted", when)
		}
	}
	e.must(e.world.KillHostagent("one"))
	adopted("while the daemon runs")
	e.stopControllers()
	e.must(e.world.KillHostagent("one"))
	e.startControllers()
	adopted("after a restart")
	after := e.waitRunning("one")
	condition := func(vm *limav1.LimaVM) metav1.Condition {
		return *meta.FindStatusCondition(vm.Status.Conditions, limav1.ConditionRunning)
	}
	if after.Status.RestartCount != before.Status.RestartCount || condition(after) != condition(before) {
		t.Errorf("before %+v, after %+v", before.Status, after.Status)
	}
}

// TestFailures checks that a failure that is not retryable is reported with a hint, and retried on
// request.
func TestFailures(t *testing.T) {
	e := start(t)
	lacking := &vm.HostError{Missing: "qemu-system-x86_64", Hint: "sudo apt-get install qemu-system-x86"}
	e.world.FailOperation(vm.OperationCreate, lacking, 1)
	source := newConfigMap("default", "s", map[string]string{"template": validTemplate})
	e.must(e.create(source))
	e.must(e.create(newVM("default", "one", "s", nil)))
	e.waitVM(
		"default", "one", limav1.ConditionCreated, check{status: metav1.ConditionFalse, reason: limav1.ReasonCreateFailed, message: lacking.Hint},
	)
	e.patchVM("one", `{"metadata":{"annotations":{"rdd.rancherdesktop.io/retryRequested":"`+time.Now().Format(time.RFC3339Nano)+`"}}}`)
	e.waitVM("default", "one", limav1.ConditionCreated, check{status: metav1.ConditionTrue})

	e.world.FailMethod("Start", lacking)
	e.patchVM("one", `{"spec":{"running":true}}`)
	e.waitVM(
		"default", "one", limav1.ConditionRunning, check{status: metav1.ConditionFalse, reason: limav1.ReasonStartFailed, message: lacking.Hint},
	)
	e.world.FailMethod("Start", nil)
	e.patchVM("one", `{"metadata":{"annotations":{"again":"please"}}}`)
	e.waitRunning("one")

	e.world.FailOperation(vm.OperationStop, errors.New("the guest does not answer"), -1)
	e.patchVM("one", `{"spec":{"running":false}}`)
	e.waitVM(
		"default", "one", limav1.ConditionRunning,
		check{status: metav1.ConditionFalse, reason: limav1.ReasonStopFailed, message: "does not answer"},
	)
	e.world.FailOperation(vm.OperationStop, nil, 0)
	e.waitVM("default", "one", limav1.ConditionRunning, check{status: metav1.ConditionFalse, reason: limav1.ReasonStopped})

	e.world.FailOperation(vm.OperationStart, errors.New("the kernel panicked"), -1)
	e.patchVM("one", `{"spec":{"running":true}}`)
	e.waitVM(
		"default", "one", limav1.ConditionRunning, check{status: metav1.ConditionFalse, reason: limav1.ReasonStartFailed, message: "panicked"},
	)
	e.world.FailOperation(vm.OperationStart, nil, 0)
	e.waitRunning("one")
}

// TestForeignInstance checks that a foreign instance directory is not touched, also when the LimaVM
// of that name is deleted.
func TestForeignInstance(t *testing.T) {
	e := start(t)
	e.world.AddForeign("one")
	e.must(e.create(newConfigMap("default", "s", map[string]string{"template": validTemplate})))
	e.must(e.create(newVM("default", "one", "s", run)))
	e.waitVM(
		"default", "one", limav1.ConditionCreated, check{status: metav1.ConditionFalse, reason: limav1.ReasonNameTaken, message: "did not make"},
	)
	e.deleteVM("default", "one")
	if names := e.world.Names(); !slices.Contains(names, "one") {
		t.Fatal("the foreign directory was removed")
	}
}

// TestCreateFailedIsRetriedWhenTheSourceChanges also checks that the source is validated again
// after admission.
func TestCreateFailedIsRetriedWhenTheSourceChanges(t *testing.T) {
	e := newEnv(t)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go e.world.Run(ctx, 10*time.Millisecond)
	source := newConfigMap("default", "s", map[string]string{"template": validTemplate})
	e.must(e.create(source))
	e.must(e.create(newVM("default", "one", "s", nil)))
	setTemplate := func(text string) {
		e.must(e.user.Patch(
			context.Background(), source.DeepCopy(),
			client.RawPatch(types.MergePatchType, encode(map[string]any{"data": map[string]any{"template": text}})),
		))
	}
	setTemplate("arch: cray-1\n" + validTemplate)
	e.startControllers()
	e.waitVM(
		"default", "one", limav1.ConditionCreated,
		check{status: metav1.ConditionFalse, reason: limav1.ReasonCreateFailed, message: "got `cray-1`"},
	)
	c := meta.FindStatusCondition(e.limaVM("default", "one").Status.Conditions, limav1.ConditionCreated)
	if !strings.Contains(c.Message, "default/s") {
		t.Fatalf("the source is not named: %s", c.Message)
	}
	setTemplate(validTemplate)
	e.waitVM("default", "one", limav1.ConditionCreated, check{status: metav1.ConditionTrue})
}

// TestNamespaceDeletionTakesItsLimaVMsDown checks that instances and templates are deleted with the
// namespace.
func TestNamespaceDeletionTakesItsLimaVMsDown(t *testing.T) {
	e := start(t)
	before := e.inventory()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "vms"}}
	e.must(e.create(ns))
	e.makeVM("vms", "one", run)
	e.waitVM("vms", "one", limav1.ConditionRunning, check{status: metav1.ConditionTrue})
	e.makeVM("vms", "two", nil)
	e.must(e.user.Delete(context.Background(), ns))
	e.waitDeleted("", "vms", &corev1.Namespace{}, &corev1.NamespaceList{})
	e.mustLeaveNothing(before)
}

// TestOrphanedTemplateIsSwept checks that a template is deleted after somebody has removed its
// LimaVM by force.
func TestOrphanedTemplateIsSwept(t *testing.T) {
	e := start(t)
	e.makeVM("default", "one", nil)
	forced := e.as("system:rdd:controller:limavm")
	e.stopControllers()
	e.must(forced.Patch(
		context.Background(), newVM("default", "one", "", nil), client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`)),
	))
	e.must(e.user.Delete(context.Background(), newVM("default", "one", "", nil)))
	e.startControllers()
	e.waitDeleted("default", "one-template", &corev1.ConfigMap{}, &corev1.ConfigMapList{})
}
