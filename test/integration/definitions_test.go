// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rancherdesktop.io/rdd/api/crds"
)

// newDefinition returns a definition as a user writes it.
func newDefinition(group, kind string) *apiextensionsv1.CustomResourceDefinition {
	plural := strings.ToLower(kind) + "s"
	preserve := true
	return &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: plural + "." + group},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: group, Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: plural, Kind: kind},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: "v1", Served: true, Storage: true, Schema: &apiextensionsv1.CustomResourceValidation{
					OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: &preserve},
				},
			}},
		},
	}
}

// TestDefinitionsOfUsers checks that users make definitions in other groups than rdd's, and can
// delete every definition that is not rdd's.
func TestDefinitionsOfUsers(t *testing.T) {
	e := start(t)
	for _, group := range []string{"rancherdesktop.io", "mine.rancherdesktop.io", "lima.rancherdesktop.io", "a.b.rancherdesktop.io"} {
		d := newDefinition(group, "Gadget")
		for _, options := range [][]client.CreateOption{nil, {client.DryRunAll}} {
			e.mustRefuse(e.create(d, options...), d.Name, "rdd's own", "choose another group")
		}
		apply := &unstructured.Unstructured{Object: toMap(e, d)}
		apply.SetGroupVersionKind(apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinition"))
		unstructured.RemoveNestedField(apply.Object, "status")
		e.mustRefuse(e.user.Apply(
			context.Background(), client.ApplyConfigurationFromUnstructured(apply), client.FieldOwner("someone"),
		), "rdd's own")

		// One that was made before such were refused.
		e.must(e.as("system:rdd:daemon").Create(context.Background(), d.DeepCopy()))
		e.mustRefuse(e.user.Patch(context.Background(), d.DeepCopy(), mergePatch(
			`{"metadata":{"annotations":{"rdd.rancherdesktop.io/definition-hash":"x"}}}`)), "rdd service reset")
		e.must(e.user.Patch(context.Background(), d.DeepCopy(), mergePatch(`{"metadata":{"labels":{"a":"b"}}}`)))
		e.must(e.user.Delete(context.Background(), d))
		e.waitDeleted("", d.Name, &apiextensionsv1.CustomResourceDefinition{}, &apiextensionsv1.CustomResourceDefinitionList{})
	}
	d := newDefinition("example.com", "Gadget")
	e.must(e.create(d))
	e.must(e.user.Delete(context.Background(), d))
	e.waitDeleted("", d.Name, &apiextensionsv1.CustomResourceDefinition{}, &apiextensionsv1.CustomResourceDefinitionList{})
	for _, name := range crds.Names() {
		e.mustRefuse(e.user.Patch(context.Background(), &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: name}},
			mergePatch(`{"metadata":{"annotations":{"rdd.rancherdesktop.io/definition-hash":null}}}`)), "rdd service reset")
	}
}
