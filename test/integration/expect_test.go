// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
)

// get reads an object that must exist.
func get[T client.Object](e *env, namespace, name string, obj T) T {
	e.Helper()
	e.must(e.user.Get(context.Background(), client.ObjectKey{Namespace: namespace, Name: name}, obj))
	return obj
}

// notFound reports whether an object does not exist.
func (e *env) notFound(namespace, name string, obj client.Object) bool {
	e.Helper()
	err := e.user.Get(context.Background(), client.ObjectKey{Namespace: namespace, Name: name}, obj)
	if err != nil && !apierrors.IsNotFound(err) {
		e.Fatal(err)
	}
	return err != nil
}

func (e *env) mustNotExist(namespace, name string, obj client.Object) {
	e.Helper()
	if !e.notFound(namespace, name, obj) {
		e.Fatalf("%T %s/%s is still there: %+v", obj, namespace, name, obj)
	}
}

func (e *env) app() *appv1.App                       { return get(e, "", appv1.AppName, &appv1.App{}) }
func (e *env) limaVM(ns, name string) *limav1.LimaVM { return get(e, ns, name, &limav1.LimaVM{}) }
func (e *env) configMap(ns, name string) *corev1.ConfigMap {
	return get(e, ns, name, &corev1.ConfigMap{})
}

// check is what a condition should be.
type check struct {
	status metav1.ConditionStatus
	reason string
	// message is a part of it.
	message string
}

func matches(conditions []metav1.Condition, conditionType string, want check, generation int64) (bool, string) {
	c := meta.FindStatusCondition(conditions, conditionType)
	if c == nil {
		return false, fmt.Sprintf("no condition %s in %+v", conditionType, conditions)
	}
	ok := c.ObservedGeneration >= generation && (want.status == "" || c.Status == want.status) &&
		(want.reason == "" || c.Reason == want.reason) && (want.message == "" || contains(c.Message, want.message))
	return ok, fmt.Sprintf("%+v", conditions)
}

// waitApp waits for a condition of the App's present generation.
func (e *env) waitApp(conditionType string, want check) *appv1.App {
	e.Helper()
	app := &appv1.App{}
	e.wait(fmt.Sprintf("App %s %+v", conditionType, want), &appv1.AppList{}, func() (bool, string) {
		if e.notFound("", appv1.AppName, app) {
			return false, "there is no App"
		}
		return matches(app.Status.Conditions, conditionType, want, app.Generation)
	})
	return app
}

// settle waits until the App has settled in its present generation.
func (e *env) settle() *appv1.App {
	e.Helper()
	return e.waitApp(appv1.ConditionSettled, check{status: metav1.ConditionTrue})
}

// waitVM waits for a condition of a LimaVM's present generation.
func (e *env) waitVM(ns, name, conditionType string, want check) *limav1.LimaVM {
	e.Helper()
	vm := &limav1.LimaVM{}
	e.wait(fmt.Sprintf("LimaVM %s %s %+v", name, conditionType, want), &limav1.LimaVMList{}, func() (bool, string) {
		if e.notFound(ns, name, vm) {
			return false, "there is no LimaVM"
		}
		return matches(vm.Status.Conditions, conditionType, want, vm.Generation)
	})
	return vm
}

// waitVMTo waits until ok returns true for a LimaVM.
func (e *env) waitVMTo(what, ns, name string, ok func(*limav1.LimaVM) bool) *limav1.LimaVM {
	e.Helper()
	vm := &limav1.LimaVM{}
	e.wait(what, &limav1.LimaVMList{}, func() (bool, string) {
		return !e.notFound(ns, name, vm) && ok(vm), fmt.Sprintf("%+v", vm.Status)
	})
	return vm
}

// waitDeleted waits until an object does not exist.
func (e *env) waitDeleted(ns, name string, obj client.Object, list client.ObjectList) {
	e.Helper()
	e.wait(fmt.Sprintf("%T %s/%s gone", obj, ns, name), list, func() (bool, string) {
		return e.notFound(ns, name, obj), fmt.Sprintf("%+v", obj)
	})
}

// deleteApp deletes the App and waits until it does not exist.
func (e *env) deleteApp() {
	e.Helper()
	e.must(e.user.Delete(context.Background(), newApp(nil)))
	e.waitDeleted("", appv1.AppName, &appv1.App{}, &appv1.AppList{})
}

// patchApp patches the App as a user.
func (e *env) patchApp(patch string) *appv1.App {
	e.Helper()
	app := newApp(nil)
	e.must(e.user.Patch(context.Background(), app, client.RawPatch("application/merge-patch+json", []byte(patch))))
	return app
}

// inventory returns all objects with their finalizers, and all instances.
func (e *env) inventory() []string {
	e.Helper()
	var all []string
	for _, list := range []client.ObjectList{
		&appv1.AppList{}, &limav1.LimaVMList{}, &corev1.ConfigMapList{}, &corev1.SecretList{}, &corev1.NamespaceList{},
	} {
		e.must(e.user.List(context.Background(), list))
		objects, err := meta.ExtractList(list)
		e.must(err)
		for _, o := range objects {
			obj := o.(client.Object)
			all = append(all, fmt.Sprintf("%T %s/%s %v", obj, obj.GetNamespace(), obj.GetName(), obj.GetFinalizers()))
		}
	}
	for _, name := range e.world.Names() {
		all = append(all, "instance "+name)
	}
	slices.Sort(all)
	return all
}

// mustLeaveNothing compares the inventory with an earlier one.
func (e *env) mustLeaveNothing(before []string) {
	e.Helper()
	if after := e.inventory(); !slices.Equal(before, after) {
		e.Fatalf("left behind:\nbefore %q\nafter  %q", before, after)
	}
}

func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

// toMap returns an object as the API has it.
func toMap(e *env, obj client.Object) map[string]any {
	e.Helper()
	var content map[string]any
	e.must(json.Unmarshal(encode(obj), &content))
	return content
}
