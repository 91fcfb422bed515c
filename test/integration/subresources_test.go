// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	rddv1 "rancherdesktop.io/rdd/api/rdd/v1alpha1"
	"rancherdesktop.io/rdd/api/scheme"
	"rancherdesktop.io/rdd/test/apitest"
)

// writeSubresource writes an object's subresource in each way, and returns the errors.
func (e *env) writeSubresource(as, subresource string, obj client.Object, merge string) map[string]error {
	e.Helper()
	writer := e.as(as).SubResource(subresource)
	read := func() client.Object {
		o := obj.DeepCopyObject().(client.Object)
		e.must(e.user.Get(context.Background(), client.ObjectKeyFromObject(obj), o))
		return o
	}
	gvk, err := e.user.GroupVersionKindFor(obj)
	e.must(err)
	apply := `{"apiVersion":"` + gvk.GroupVersion().String() + `","kind":"` + gvk.Kind + `",` + merge[1:]
	errs := map[string]error{
		"merge patch": writer.Patch(context.Background(), read(), mergePatch(merge)),
		"dry run":     writer.Patch(context.Background(), read(), mergePatch(merge), client.DryRunAll),
		"JSON patch": writer.Patch(
			context.Background(), read(),
			client.RawPatch(types.JSONPatchType, []byte(`[{"op":"test","path":"/metadata/name","value":"`+obj.GetName()+`"}]`)),
		),
		"apply": writer.Patch(
			context.Background(), read(), client.RawPatch(types.ApplyPatchType, []byte(apply)), client.FieldOwner("someone"), client.ForceOwnership,
		),
		"replace": writer.Update(context.Background(), read()),
	}
	return errs
}

// TestSubresourcesAreJudgedByCaller checks that only the controllers that own a status write it.
func TestSubresourcesAreJudgedByCaller(t *testing.T) {
	e := start(t)
	e.must(e.user.Create(context.Background(), newApp(nil)))
	e.settle()
	e.makeVM("default", "one", nil)
	e.waitVM("default", "one", limav1.ConditionCreated, check{status: metav1.ConditionTrue})
	crd := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: "limavms.lima.rancherdesktop.io"}}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
	for name, test := range map[string]struct {
		obj                client.Object
		subresource, patch string
		writer             string
		part               string
	}{
		"App": {
			newApp(nil), "status", `{"status":{"namespaceUID":"x"}}`, "system:rdd:controller:app", "change the spec instead",
		},
		"App as the engine controller": {
			newApp(nil), "status", `{"status":{"namespaceUID":"x"}}`, "system:rdd:controller:engine", "change the spec instead",
		},
		"LimaVM of the App": {
			newVM("default", "rd", "", nil), "status", `{"status":{"lastResetRequest":"x"}}`,
			"system:rdd:controller:limavm", "rdd limavm restart or reset",
		},
		"LimaVM": {
			newVM("default", "one", "", nil), "status", `{"status":{"lastResetRequest":"x"}}`,
			"system:rdd:controller:limavm", "rdd limavm restart or reset",
		},
		"HostInfo": {
			&rddv1.HostInfo{ObjectMeta: metav1.ObjectMeta{Name: rddv1.HostInfoName}}, "status", `{"status":{"cpus":99}}`,
			"system:rdd:controller:hostinfo", "found out about the host",
		},
		"CRD": {crd, "status", `{"status":{"storedVersions":["v9"]}}`, "system:rdd:daemon", "rdd service reset"},
		"Namespace": {
			namespace, "status", `{"status":{"conditions":null},"metadata":{"finalizers":["example.com/orphan"]}}`,
			"system:rdd:namespace-controller", "deletion",
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := e.in(t)
			for _, other := range []string{"rdd:user", "system:rdd:controller:integration", "system:rdd:namespace-controller", "system:rdd:daemon"} {
				if other == test.writer {
					continue
				}
				for way, err := range e.writeSubresource(other, test.subresource, test.obj, test.patch) {
					if err == nil {
						t.Fatalf("%s, %s: accepted", other, way)
					}
					e.mustRefuse(err, test.obj.GetName(), test.part)
				}
			}
			read := test.obj.DeepCopyObject().(client.Object)
			e.must(e.user.Get(context.Background(), client.ObjectKeyFromObject(read), read))
			e.must(e.as(test.writer).SubResource(test.subresource).Patch(context.Background(), read, mergePatch(test.patch), client.DryRunAll))
		})
	}
	if st := e.limaVM("default", "one").Status; st.LastResetRequest != "" || e.countCalls("Delete") > 0 {
		t.Errorf("a refused write left a trace: %+v", st)
	}
}

// TestFinalizingANamespace checks that nobody takes the finalizer away that empties a namespace,
// and that a user's own finalizer can be removed.
func TestFinalizingANamespace(t *testing.T) {
	e := newEnv(t)
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "mine"}, Spec: corev1.NamespaceSpec{
		Finalizers: []corev1.FinalizerName{"kubernetes", "example.com/mine"},
	}}
	e.must(e.user.Create(context.Background(), ns))
	finalize := func(finalizers ...corev1.FinalizerName) error {
		now := get(e, "", "mine", &corev1.Namespace{})
		now.Spec.Finalizers = finalizers
		return e.user.SubResource("finalize").Update(context.Background(), now)
	}
	e.mustRefuse(finalize(), `cannot finalize namespace "mine"`)
	e.mustRefuse(finalize("example.com/mine"), `cannot finalize namespace "mine"`)
	e.must(finalize("kubernetes"))
	e.must(e.user.Delete(context.Background(), ns))
	e.waitDeleted("", "mine", &corev1.Namespace{}, &corev1.NamespaceList{})
}

// TestAServerStartsWithABadStatus checks that what was written into the status of definitions
// before writes were judged keeps no server from starting.
func TestAServerStartsWithABadStatus(t *testing.T) {
	dir := apitest.Dir(t)
	names := []string{"apps.app.rancherdesktop.io", "limavms.lima.rancherdesktop.io", "hostinfos.rdd.rancherdesktop.io"}
	connect := func(t *testing.T) client.Client {
		c, err := client.New(apitest.StartIn(t, dir, noRules).Config("system:rdd:daemon"), client.Options{Scheme: scheme.New()})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	t.Run("written", func(t *testing.T) {
		c := connect(t)
		for i, status := range []string{
			`{"status":{"storedVersions":["v9"]}}`,
			`{"status":{"acceptedNames":{"plural":"wrong","kind":"Wrong"},"conditions":null,"storedVersions":["v1alpha1","v9"]}}`,
			`{"status":{"conditions":[{"type":"Terminating","status":"True"},{"type":"NamesAccepted","status":"False"}]}}`,
		} {
			crd := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: names[i]}}
			if err := c.Status().Patch(t.Context(), crd, mergePatch(status)); err != nil {
				t.Fatal(err)
			}
		}
	})
	c := connect(t)
	for _, name := range names {
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := c.Get(t.Context(), client.ObjectKey{Name: name}, crd); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(crd.Status.StoredVersions, []string{"v1alpha1"}) {
			t.Errorf("%s: %+v", name, crd.Status)
		}
	}
	for _, obj := range []client.Object{
		newApp(nil), newVM("default", "one", "none", nil), &rddv1.HostInfo{ObjectMeta: metav1.ObjectMeta{Name: rddv1.HostInfoName}},
	} {
		if err := c.Create(t.Context(), obj); err != nil {
			t.Errorf("%T: %v", obj, err)
		}
	}
}
