// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rancherdesktop.io/rdd/api/crds"
	"rancherdesktop.io/rdd/api/scheme"
	"rancherdesktop.io/rdd/internal/apiserver"
	"rancherdesktop.io/rdd/internal/datastore"
	"rancherdesktop.io/rdd/internal/version"
	"rancherdesktop.io/rdd/test/apitest"
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

// startBuild runs a server of a build of rdd on the store in a directory, and returns a client of
// the daemon and a function that stops it. definitions may be changed before.
func startBuild(
	t *testing.T, dir string, build version.Build, change func(*apiextensionsv1.CustomResourceDefinition),
) (client.Client, error) {
	t.Helper()
	store, err := datastore.Open(dir + "/store.db")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	definitions, definitionsErr := apiserver.LoadDefinitions(crds.Files)
	for _, d := range definitions {
		if d.Name == "limavms.lima.rancherdesktop.io" {
			change(d)
		}
	}
	listener, listenErr := net.Listen("tcp", "127.0.0.1:0")
	if err := errors.Join(definitionsErr, listenErr); err != nil {
		t.Fatal(err)
	}
	access, err := apiserver.NewAccess(listener, dir)
	if err != nil {
		t.Fatal(err)
	}
	server, err := apiserver.New(apiserver.Options{Access: access, Dial: store.Dial, Definitions: definitions, Build: build})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	select {
	case err := <-ended:
		cancel()
		return nil, err
	case <-server.Ready():
	}
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return client.New(access.Config("system:rdd:daemon"), client.Options{Scheme: scheme.New()})
}

// TestAnOlderProgramLeavesTheStore checks that a server of an older release ends before it writes
// anything into a store whose definitions a newer release has installed.
func TestAnOlderProgramLeavesTheStore(t *testing.T) {
	dir := apitest.Dir(t)
	newer, older := version.Build{Version: "v1.1.0"}, version.Build{Version: "v1.0.0"}
	added := func(d *apiextensionsv1.CustomResourceDefinition) {
		status := d.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["status"]
		status.Properties["novelty"] = apiextensionsv1.JSONSchemaProps{Type: "string"}
	}
	same := func(*apiextensionsv1.CustomResourceDefinition) {}
	var before []string
	state := func(t *testing.T, c client.Client) []string {
		t.Helper()
		var list apiextensionsv1.CustomResourceDefinitionList
		if err := c.List(t.Context(), &list); err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, d := range list.Items {
			all = append(all, d.Name+" "+d.ResourceVersion)
		}
		return all
	}
	t.Run("newer", func(t *testing.T) {
		c, err := startBuild(t, dir, newer, added)
		if err != nil {
			t.Fatal(err)
		}
		before = state(t, c)
	})
	t.Run("older", func(t *testing.T) {
		_, err := startBuild(t, dir, older, same)
		if !errors.Is(err, version.ErrNewerStore) || !strings.Contains(err.Error(), "limavms.lima.rancherdesktop.io v1alpha1: status.novelty") {
			t.Fatalf("it ended with %v", err)
		}
	})
	t.Run("newer again", func(t *testing.T) {
		c, err := startBuild(t, dir, newer, added)
		if err != nil {
			t.Fatal(err)
		}
		if now := state(t, c); strings.Join(now, ",") != strings.Join(before, ",") {
			t.Errorf("the definitions were %q and are %q", before, now)
		}
	})
	t.Run("next", func(t *testing.T) {
		c, err := startBuild(t, dir, version.Build{Version: "v1.2.0"}, same)
		if err != nil {
			t.Fatal(err)
		}
		d := &apiextensionsv1.CustomResourceDefinition{}
		err = c.Get(t.Context(), client.ObjectKey{Name: "limavms.lima.rancherdesktop.io"}, d)
		if _, kept := d.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["status"].Properties["novelty"]; err != nil || kept {
			t.Errorf("a newer program cannot drop a field: %v", err)
		}
	})
	t.Run("a definition of its own", func(t *testing.T) {
		c, err := startBuild(t, dir, version.Build{Version: "v1.2.0"}, same)
		if err != nil {
			t.Fatal(err)
		}
		d := newDefinition("later.rancherdesktop.io", "Gadget")
		d.Annotations = map[string]string{
			"rdd.rancherdesktop.io/definition-hash": "x", "rdd.rancherdesktop.io/definition-build": `{"version":"v1.3.0"}`,
		}
		if err := c.Create(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("older than that", func(t *testing.T) {
		if _, err := startBuild(t, dir, version.Build{Version: "v1.2.0"}, same); !errors.Is(err, version.ErrNewerStore) ||
			!strings.Contains(err.Error(), "gadgets.later.rancherdesktop.io") {
			t.Fatalf("it ended with %v", err)
		}
	})
}
