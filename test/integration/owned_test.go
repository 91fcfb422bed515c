// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/api/scheme"
	"rancherdesktop.io/rdd/internal/apiserver"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/test/apitest"
)

// unguarded returns a client of another API server on the same store, which has no admission rules.
// It writes what is in the stores of older versions of rdd.
func (e *env) unguarded() client.Client {
	e.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	e.must(err)
	access, err := apiserver.NewAccess(listener, apitest.Dir(e.T))
	e.must(err)
	server, err := apiserver.New(apiserver.Options{Access: access, Dial: e.server.Store().Dial})
	e.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	e.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			e.Error(err)
		}
	})
	select {
	case <-server.Ready():
	case err := <-ended:
		ended <- nil
		e.Fatal(errors.Join(errors.New("the second API server did not start"), err))
	}
	c, err := client.New(access.Config("rdd:user"), client.Options{Scheme: scheme.New()})
	e.must(err)
	return c
}

// TestTheWholeOwnedObjectIsGuarded tries to change each part of the owned objects in each way, as
// the user and as a controller that has nothing to do with it.
func TestTheWholeOwnedObjectIsGuarded(t *testing.T) {
	e := start(t)
	e.must(e.user.Create(context.Background(), newApp(func(a *appv1.App) { a.Spec.Namespace = "mine" })))
	e.settle()
	e.makeVM("default", "one", nil)
	rd, one := newVM("mine", "rd", "", nil), newVM("default", "one", "", nil)
	rdTemplate, oneTemplate := newConfigMap("mine", "rd-template", nil), newConfigMap("default", "one-template", nil)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "mine"}}
	label := func(name string) []string { return []string{"metadata", "labels", name} }
	annotation := func(name string) []string { return []string{"metadata", "annotations", name} }
	for _, obj := range []client.Object{rd, one, rdTemplate, oneTemplate} { // a JSON patch needs the parents of what it adds
		e.must(e.user.Patch(context.Background(), obj.DeepCopyObject().(client.Object), mergePatch(
			`{"metadata":{"labels":{"mine":"yes"},"annotations":{"example.com/mine":"yes"}}}`)))
	}
	ref := []any{map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "y"}}
	for _, test := range []struct {
		obj   client.Object
		path  []string
		value any
		parts []string
	}{
		{rdTemplate, []string{"immutable"}, true, []string{`LimaVM "rd"`, `App "app"`, "rdd set PROPERTY=VALUE"}},
		{rdTemplate, []string{"binaryData"}, map[string]any{"x": "AAEC"}, []string{`LimaVM "rd"`, "rdd set PROPERTY=VALUE"}},
		{rdTemplate, []string{"data", "other"}, "x", []string{`LimaVM "rd"`, "rdd set PROPERTY=VALUE"}},
		{oneTemplate, []string{"immutable"}, true, []string{"cannot change immutable", `LimaVM "one"`, "change data.template alone"}},
		{oneTemplate, []string{"immutable"}, false, []string{"cannot change immutable", `LimaVM "one"`}},
		{oneTemplate, []string{"binaryData"}, map[string]any{"x": "AAEC"}, []string{"cannot change binaryData", `LimaVM "one"`}},
		{oneTemplate, []string{"data", "other"}, "x", []string{"cannot change another key", `LimaVM "one"`}},
		{rdTemplate, label("lima.rancherdesktop.io/source-of"), "x", []string{"cannot add label", `LimaVM "rd"`}},
		{oneTemplate, label("lima.rancherdesktop.io/source-of"), "x", []string{"cannot add label", `LimaVM "one"`}},
		{oneTemplate, label("rancherdesktop.io/x"), "x", []string{"cannot add label", `LimaVM "one"`}},
		{oneTemplate, annotation("lima.rancherdesktop.io/cause"), "x", []string{"cannot add annotation", `LimaVM "one"`}},
		{rd, label("app.rancherdesktop.io/x"), "x", []string{"cannot add label", `App "app"`}},
		{rd, annotation("lima.rancherdesktop.io/templateCopy"), "x", []string{"cannot add annotation", `App "app"`}},
	} {
		e.refuseAll(test.obj, test.path, test.value, test.parts...)
	}
	for _, test := range []struct {
		obj client.Object
		by  string
	}{{rdTemplate, `LimaVM "rd"`}, {oneTemplate, `LimaVM "one"`}, {rd, `App "app"`}, {namespace, `App "app"`}} {
		for _, user := range []string{"rdd:user", "system:rdd:controller:engine"} {
			patch := func(kind types.PatchType, text string) error {
				return e.as(user).Patch(context.Background(), test.obj.DeepCopyObject().(client.Object), client.RawPatch(kind, []byte(text)))
			}
			e.mustRefuse(patch(types.JSONPatchType, `[{"op":"add","path":"/metadata/ownerReferences/-","value":`+string(encode(ref[0]))+`}]`),
				"owner references", test.by)
			e.mustRefuse(patch(types.MergePatchType, `{"metadata":{"ownerReferences":null}}`), "owner reference", test.by)
			have := get(e, test.obj.GetNamespace(), test.obj.GetName(), test.obj.DeepCopyObject().(client.Object)).GetFinalizers()
			more := string(encode(append(have, "example.com/mine")))
			e.mustRefuse(patch(types.MergePatchType, `{"metadata":{"finalizers":`+more+`}}`), "cannot add finalizer", test.by)
			e.must(patch(types.MergePatchType, `{"metadata":{"labels":{"mine":"yes"},"annotations":{"example.com/mine":"yes"}}}`))
		}
	}
	e.must(e.user.Patch(context.Background(), one, mergePatch(`{"metadata":{"labels":{"lima.rancherdesktop.io/x":"y"}}}`))) // it is the user's
	e.mustRefuse(e.user.DeleteAllOf(context.Background(), &corev1.ConfigMap{}, client.InNamespace("mine")), "rd-template")
	e.mustRefuse(e.user.DeleteAllOf(context.Background(), &limav1.LimaVM{}, client.InNamespace("mine")), `LimaVM "rd"`)
	before := newVM("mine", "rd", "x", nil)
	if err := e.user.Create(context.Background(), before); err == nil {
		t.Error("an owned object was created over")
	}
	e.settle()
	e.deleteApp()
}

// TestInputIsGuarded checks the ConfigMap from which the App's LimaVM copies its template.
func TestInputIsGuarded(t *testing.T) {
	e := newEnv(t)
	e.values.Enabled = []string{"app"}
	e.startControllers()
	e.must(e.user.Create(context.Background(), newApp(nil)))
	e.waitVMTo("LimaVM rd exists", "default", "rd", func(*limav1.LimaVM) bool { return true })
	input := newConfigMap("default", "rd", nil)
	for path, value := range map[string]any{
		"immutable": true, "binaryData": map[string]any{"x": "AAEC"}, "data": map[string]any{"template": "x"},
	} {
		e.refuseAll(input, []string{path}, value, `ConfigMap "rd"`, `App "app"`, "rdd set PROPERTY=VALUE")
	}
	e.mustRefuse(
		e.user.Patch(context.Background(), input, mergePatch(`{"metadata":{"finalizers":["example.com/mine"]}}`)), "cannot add finalizer",
	)

	// One that was made immutable before that was refused.
	e.must(e.unguarded().Patch(context.Background(), input, mergePatch(`{"immutable":true}`)))
	e.patchApp(`{"spec":{"virtualMachine":{"cpus":3}}}`)
	e.wait("the new input", &corev1.ConfigMapList{}, func() (bool, string) {
		now := &corev1.ConfigMap{}
		return !e.notFound("default", "rd", now) && contains(now.Data["template"], "cpus: 3"), now.Data["template"]
	})
}

// TestClaimsOfOthersAreRefused checks that nobody makes an object that only a controller could
// delete.
func TestClaimsOfOthersAreRefused(t *testing.T) {
	e := newEnv(t)
	e.must(e.create(newConfigMap("default", "s", map[string]string{"template": validTemplate})))
	for _, finalizer := range []string{"rdd.rancherdesktop.io/owned-by-App", "rdd.rancherdesktop.io/owned-by-LimaVM"} {
		for _, obj := range []client.Object{newConfigMap("default", "mine", nil), newVM("default", "mine", "s", nil), newApp(nil)} {
			obj.SetFinalizers([]string{finalizer})
			e.mustRefuse(e.create(obj), "cannot add finalizer", finalizer, "leave it out")
			obj.SetFinalizers(nil)
			e.must(e.create(obj))
			have := get(e, obj.GetNamespace(), obj.GetName(), obj.DeepCopyObject().(client.Object)).GetFinalizers()
			more := encode(append(have, finalizer))
			e.mustRefuse(e.user.Patch(context.Background(), obj, mergePatch(`{"metadata":{"finalizers":`+string(more)+`}}`)), "cannot add finalizer")
			clean := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
			e.must(e.as("system:rdd:controller:"+strings.ToLower(kindOf(e, obj))).Patch(context.Background(), obj, clean))
			e.must(e.user.Delete(context.Background(), obj))
		}
	}
	own := newConfigMap("default", "own", nil)
	own.Finalizers = []string{"rdd.rancherdesktop.io/cleanup"} // no controller removes it
	e.must(e.create(own))
	e.must(e.user.Delete(context.Background(), own))
	e.must(e.user.Patch(context.Background(), own, mergePatch(`{"metadata":{"finalizers":null}}`)))
	e.mustNotExist("default", "own", &corev1.ConfigMap{})
}

func kindOf(e *env, obj client.Object) string {
	gvk, err := e.user.GroupVersionKindFor(obj)
	e.must(err)
	return gvk.Kind
}

// TestAnImmutableTemplateIsReplaced checks that a template that was made immutable before that was
// refused keeps nothing from being stopped, started and changed.
func TestAnImmutableTemplateIsReplaced(t *testing.T) {
	e := start(t)
	e.must(e.user.Create(context.Background(), newApp(func(a *appv1.App) { a.Spec.Running = true })))
	e.settle()
	e.makeVM("default", "one", run)
	e.waitRunning("one")
	old := e.unguarded()
	before := map[string]types.UID{}
	starts := e.countCalls("Start")
	for _, name := range []string{"rd-template", "one-template"} {
		cm := e.configMap("default", name)
		before[name] = cm.UID
		e.must(old.Patch(context.Background(), cm, mergePatch(`{"immutable":true}`)))
	}
	for _, name := range []string{"rd", "one"} {
		e.wait("another template", &corev1.ConfigMapList{}, func() (bool, string) {
			now := &corev1.ConfigMap{}
			return !e.notFound("default", name+"-template", now) && now.UID != before[name+"-template"] && now.DeletionTimestamp == nil, now.String()
		})
		e.waitVMTo("the copy is removed", "default", name, func(vm *limav1.LimaVM) bool {
			return vm.Annotations["lima.rancherdesktop.io/templateCopy"] == "" && isUp(vm)
		})
	}
	if n := e.countCalls("Start"); n != starts {
		t.Errorf("the same template has restarted machines: %d starts, then %d", starts, n)
	}
	e.patchApp(`{"spec":{"running":false}}`)
	e.settle()
	e.patchApp(`{"spec":{"running":true,"virtualMachine":{"cpus":3}}}`)
	e.settle()
	if text := e.configMap("default", "rd-template").Data["template"]; !contains(text, "cpus: 3") {
		t.Errorf("the template is %s", text)
	}
}

// TestAnInterruptedReplacementGoesOn checks that a daemon that ended after it had deleted an
// immutable template creates it again.
func TestAnInterruptedReplacementGoesOn(t *testing.T) {
	e := start(t)
	e.makeVM("default", "one", run)
	e.waitRunning("one")
	e.stopControllers()
	controller := e.as("system:rdd:controller:limavm")
	e.must(controller.Patch(context.Background(), newVM("default", "one", "", nil), mergePatch(
		`{"metadata":{"annotations":{"lima.rancherdesktop.io/templateCopy":`+string(encode(validTemplate))+`}}}`)))
	own := e.configMap("default", "one-template")
	e.must(controller.Patch(context.Background(), own, mergePatch(`{"metadata":{"finalizers":null}}`)))
	e.must(controller.Delete(context.Background(), own))
	e.startControllers()
	e.waitVMTo("the copy is removed", "default", "one", func(vm *limav1.LimaVM) bool {
		return vm.Annotations["lima.rancherdesktop.io/templateCopy"] == "" && isUp(vm)
	})
	if now := e.configMap("default", "one-template"); now.Data["template"] != validTemplate || len(now.Finalizers) != 1 {
		t.Errorf("the template is %+v", now)
	}
}

// TestPowerComesFirst checks that a machine is stopped and started although its template is
// refused.
func TestPowerComesFirst(t *testing.T) {
	e := start(t)
	e.must(e.user.Create(context.Background(), newApp(func(a *appv1.App) { a.Spec.Running = true })))
	e.settle()
	// A template that a change cannot be made to: its disk would shrink.
	large := e.configMap("default", "rd-template")
	large.Data["template"] = strings.ReplaceAll(large.Data["template"], "disk: 64GiB", "disk: 900GiB")
	e.must(e.unguarded().Update(context.Background(), large))
	e.waitVMTo("the large disk", "default", "rd", func(vm *limav1.LimaVM) bool {
		return vm.Status.ObservedTemplateResourceVersion == large.ResourceVersion && isUp(vm)
	})
	e.patchApp(`{"spec":{"running":false,"virtualMachine":{"cpus":3}}}`)
	e.waitVM("default", "rd", limav1.ConditionRunning, check{reason: limav1.ReasonStopped})
	blocked := e.waitApp(appv1.ConditionSettled, check{reason: appv1.ReasonBootstrapFailed, message: "disk"})
	if blocked.Spec.Running {
		t.Fatal("it should not run")
	}
	e.patchApp(`{"spec":{"running":true}}`)
	e.waitVM("default", "rd", limav1.ConditionRunning, check{reason: limav1.ReasonStarted})
	e.waitApp(appv1.ConditionSettled, check{reason: appv1.ReasonBootstrapFailed, message: "disk"})
	if state, _ := e.world.Peek("rd"); state.Phase != vm.PhaseRunning {
		t.Errorf("the machine is %s", state.Phase)
	}
}
