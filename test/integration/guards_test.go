// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
)

// deletions are the ways to delete an object.
var deletions = map[string][]client.DeleteOption{
	"delete":     nil,
	"dry run":    {client.DryRunAll},
	"foreground": {client.PropagationPolicy(metav1.DeletePropagationForeground)},
	"orphan":     {client.PropagationPolicy(metav1.DeletePropagationOrphan)},
	"at once":    {client.GracePeriodSeconds(0)},
}

// TestOwnedObjectsCannotBeDeleted tries each way to delete an owned object. The refusal says what
// to delete instead.
func TestOwnedObjectsCannotBeDeleted(t *testing.T) {
	e := start(t)
	e.must(e.user.Create(context.Background(), newApp(nil)))
	e.settle()
	vm := &limav1.LimaVM{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "rd"}}
	own := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "rd-template"}}
	vmSentence := `cannot delete LimaVM "rd": it is owned by App "app"; delete the App resource instead`
	ownSentence := `cannot delete ConfigMap "rd-template": it is owned by LimaVM "rd"; delete the LimaVM resource instead`
	for name, options := range deletions {
		t.Run(name, func(t *testing.T) {
			e := e.in(t)
			e.mustRefuse(e.user.Delete(context.Background(), vm.DeepCopy(), options...), vmSentence)
			e.mustRefuse(e.user.Delete(context.Background(), own.DeepCopy(), options...), ownSentence)
		})
	}
	for _, options := range [][]client.DeleteAllOfOption{
		{client.InNamespace("default")}, {client.InNamespace("default"), client.DryRunAll},
	} {
		e.mustRefuse(e.user.DeleteAllOf(context.Background(), &limav1.LimaVM{}, options...), vmSentence)
		e.mustRefuse(e.user.DeleteAllOf(context.Background(), &corev1.ConfigMap{}, options...), ownSentence)
	}
	e.mustRefuse(e.user.Delete(context.Background(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "default"}}), "default")
	if vm, own := e.limaVM("default", "rd"), e.configMap("default", "rd-template"); vm.DeletionTimestamp != nil ||
		own.DeletionTimestamp != nil {
		t.Fatal("something is being deleted")
	}
}

// in returns the environment for a subtest.
func (e *env) in(t *testing.T) *env {
	sub := *e
	sub.T = t
	return &sub
}

// change is a way to write the same change.
type change struct {
	name string
	do   func(e *env, obj client.Object, options ...client.PatchOption) error
}

// changes are merge patch, JSON patch, server-side apply and replace that set one field.
func changes(path []string, value any) []change {
	nested := func(extra map[string]any) map[string]any {
		object := map[string]any{}
		_ = unstructured.SetNestedField(object, value, path...)
		for k, v := range extra {
			object[k] = v
		}
		return object
	}
	patch := func(kind types.PatchType, data any) func(*env, client.Object, ...client.PatchOption) error {
		return func(e *env, obj client.Object, options ...client.PatchOption) error {
			return e.user.Patch(context.Background(), obj, client.RawPatch(kind, encode(data)), options...)
		}
	}
	pointer := ""
	for _, p := range path {
		pointer += "/" + strings.ReplaceAll(p, "/", "~1")
	}
	return []change{
		{"merge patch", patch(types.MergePatchType, nested(nil))},
		{"JSON patch", patch(types.JSONPatchType, []map[string]any{{"op": "add", "path": pointer, "value": value}})},
		{"apply", func(e *env, obj client.Object, options ...client.PatchOption) error {
			gvk, err := e.user.GroupVersionKindFor(obj)
			e.must(err)
			data := nested(map[string]any{"apiVersion": gvk.GroupVersion().String(), "kind": gvk.Kind})
			options = append(options, client.FieldOwner("someone"), client.ForceOwnership)
			return e.user.Patch(context.Background(), obj, client.RawPatch(types.ApplyPatchType, encode(data)), options...)
		}},
		{"replace", func(e *env, obj client.Object, options ...client.PatchOption) error {
			e.must(e.user.Get(context.Background(), client.ObjectKeyFromObject(obj), obj))
			content := toMap(e, obj)
			e.must(unstructured.SetNestedField(content, value, path...))
			var update []client.UpdateOption
			if len(options) > 0 {
				update = append(update, client.DryRunAll)
			}
			u := &unstructured.Unstructured{Object: content}
			gvk, err := e.user.GroupVersionKindFor(obj)
			e.must(err)
			u.SetGroupVersionKind(gvk)
			return e.user.Update(context.Background(), u, update...)
		}},
	}
}

// refuseAll checks that every way to make a change is refused, dry run too.
func (e *env) refuseAll(obj client.Object, path []string, value any, parts ...string) {
	e.Helper()
	for _, c := range changes(path, value) {
		for _, options := range [][]client.PatchOption{nil, {client.DryRunAll}} {
			err := c.do(e, obj.DeepCopyObject().(client.Object), options...)
			if err == nil {
				e.Fatalf("%s (%v) of %v was accepted", c.name, options, path)
			}
			e.mustRefuse(err, parts...)
		}
	}
}

// TestOwnedObjectsCannotBeChanged tries to change the fields that only the App controller may
// change.
func TestOwnedObjectsCannotBeChanged(t *testing.T) {
	e := start(t)
	e.must(e.user.Create(context.Background(), newApp(nil)))
	e.settle()
	vm := &limav1.LimaVM{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "rd"}}
	own := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "rd-template"}}
	e.refuseAll(vm, []string{"spec", "running"}, true, `LimaVM "rd"`, `App "app"`, "rdd start", "rdd stop")
	e.refuseAll(vm, []string{"spec", "params"}, map[string]any{"a": "b"}, `LimaVM "rd"`, `App "app"`, "rdd set PROPERTY=VALUE")
	e.refuseAll(
		own, []string{"data", "template"}, "images: [{location: 'rdd:docker'}]\n", `LimaVM "rd"`, `App "app"`, "rdd set PROPERTY=VALUE",
	)

	stripped := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
	e.mustRefuse(
		e.user.Patch(context.Background(), vm.DeepCopy(), stripped), "owned-by-App", `owned by App "app"; delete the App resource instead`,
	)
	e.mustRefuse(e.user.Patch(context.Background(), own.DeepCopy(), stripped), "owned-by-LimaVM", "delete the LimaVM resource instead")
	e.mustRefuse(e.user.Patch(context.Background(), newApp(nil), stripped), "cleanup", "delete the App resource instead")
	e.mustRefuse(
		e.user.Patch(
			context.Background(), vm.DeepCopy(), client.RawPatch(types.JSONPatchType, []byte(`[{"op":"remove","path":"/metadata/finalizers"}]`)),
		),
		"delete the App resource instead",
	)
	replaced := e.limaVM("default", "rd")
	replaced.Finalizers = []string{"rdd.rancherdesktop.io/owned-by-App"}
	e.mustRefuse(e.user.Update(context.Background(), replaced), "cleanup", "delete the LimaVM resource instead")
	e.mustRefuse(
		e.user.Patch(context.Background(), vm.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"ownerReferences":null}}`))),
		"owner reference", `App "app"`,
	)
	for _, label := range []string{`null`, `"false"`} {
		patch := fmt.Sprintf(`{"metadata":{"labels":{"lima.rancherdesktop.io/template-configmap":%s}}}`, label)
		e.mustRefuse(e.user.Patch(context.Background(), own.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(patch))),
			"cannot remove", "the resource is owned", `LimaVM "rd"`)
	}

	e.refuseAll(
		own, []string{"metadata", "labels", "lima.rancherdesktop.io/template-configmap"}, "no", "cannot remove", "the resource is owned",
		`LimaVM "rd"`,
	)

	free := client.RawPatch(
		types.MergePatchType, []byte(`{"metadata":{"annotations":{"rdd.rancherdesktop.io/retryRequested":"now"},"labels":{"mine":"yes"}}}`),
	)
	e.must(e.user.Patch(context.Background(), vm.DeepCopy(), free))
	e.must(e.user.Patch(context.Background(), own.DeepCopy(), free))
	e.settle()
}

// TestAdministratorsMayPassOnPurpose checks that impersonating the controller frees a stuck object.
func TestAdministratorsMayPassOnPurpose(t *testing.T) {
	e := newEnv(t)
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Namespace: "default", Name: "stuck", Finalizers: []string{"rdd.rancherdesktop.io/owned-by-Widget"},
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "example.com/v1", Kind: "Widget", Name: "w", UID: "1"}},
	}}
	e.must(e.user.Create(context.Background(), cm))
	e.mustRefuse(
		e.user.Delete(context.Background(), cm.DeepCopy()),
		`cannot delete ConfigMap "stuck": it is owned by Widget "w"; delete the Widget resource instead`,
	)
	stripped := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
	e.mustRefuse(e.as("system:rdd:controller:app").Patch(context.Background(), cm.DeepCopy(), stripped), "Widget")
	e.must(e.as("system:rdd:controller:widget").Patch(context.Background(), cm.DeepCopy(), stripped))
	e.must(e.user.Delete(context.Background(), cm))
}

func TestDefinitionsAreGuarded(t *testing.T) {
	e := newEnv(t)
	crd := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: "limavms.lima.rancherdesktop.io"}}
	e.mustRefuse(e.user.Delete(context.Background(), crd.DeepCopy()), "rdd service reset")
	e.mustRefuse(e.user.Delete(context.Background(), crd.DeepCopy(), client.DryRunAll), "rdd service reset")
	e.mustRefuse(e.user.DeleteAllOf(context.Background(), crd.DeepCopy()), "rdd service reset")
	breaking := client.RawPatch(
		types.JSONPatchType, []byte(`[{"op":"replace","path":"/spec/versions/0/schema/openAPIV3Schema","value":{"type":"object"}}]`),
	)
	e.mustRefuse(e.user.Patch(context.Background(), crd.DeepCopy(), breaking), "rdd service reset")
	e.mustRefuse(e.as("system:rdd:controller:limavm").Patch(context.Background(), crd.DeepCopy(), breaking), "rdd service reset")
	e.must(e.as("system:rdd:daemon").Patch(context.Background(), crd.DeepCopy(), breaking, client.DryRunAll))
	e.must(e.user.Patch(
		context.Background(), crd.DeepCopy(),
		client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"a":"b"}},"spec":{"names":{"shortNames":["vms"]}}}`)),
	))
}

// TestDefinitionsBreakInNoWay checks that no kind of write can change a served version of a
// definition.
func TestDefinitionsBreakInNoWay(t *testing.T) {
	e := newEnv(t)
	crd := get(e, "", "apps.app.rancherdesktop.io", &apiextensionsv1.CustomResourceDefinition{})
	for _, c := range changes([]string{"spec", "scope"}, "Namespaced") {
		if c.name == "apply" {
			continue // apply would have to name the whole definition
		}
		for _, options := range [][]client.PatchOption{nil, {client.DryRunAll}} {
			err := c.do(e, crd.DeepCopy(), options...)
			if err == nil || !strings.Contains(err.Error(), "rdd service reset") && !strings.Contains(err.Error(), "immutable") {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}
	for _, verb := range []string{"served", "storage"} {
		off := client.RawPatch(types.JSONPatchType, []byte(`[{"op":"replace","path":"/spec/versions/0/`+verb+`","value":false}]`))
		if err := e.user.Patch(context.Background(), crd.DeepCopy(), off); err == nil {
			t.Errorf("%s was taken away", verb)
		}
	}
	now := get(e, "", crd.Name, &apiextensionsv1.CustomResourceDefinition{})
	if now.Generation != crd.Generation {
		t.Errorf("the definition has changed: %+v", now.Spec)
	}
}
