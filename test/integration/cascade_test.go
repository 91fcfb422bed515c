// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
)

// cascades are the bodies and the query parameters by which a deletion says what happens to
// dependents.
var cascades = []struct{ query, body string }{
	{"", `{"propagationPolicy":"Foreground"}`},
	{"", `{"propagationPolicy":"Orphan"}`},
	{"", `{"propagationPolicy":"Background"}`},
	{"", `{"orphanDependents":true}`},
	{"", `{"orphanDependents":false}`},
	{"propagationPolicy=Foreground", ""},
	{"propagationPolicy=Orphan", ""},
	{"orphanDependents=true", ""},
}

// specimens are the contents of the objects that are deleted, by resource; others need none.
var specimens = map[string]string{
	"limavms.lima.rancherdesktop.io": `{"spec":{"templateRef":{"name":"cascade-source"}}}`,
	"events":                         `{"involvedObject":{"namespace":"default"},"reason":"Test","type":"Normal"}`,
	"events.events.k8s.io": `{"regarding":{"namespace":"default"},"reason":"Test","type":"Normal",
		"eventTime":"2026-01-01T00:00:00.000000Z","action":"Test","reportingController":"test.example/c","reportingInstance":"i"}`,
	"rolebindings.rbac.authorization.k8s.io":        `{"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"x"}}`,
	"clusterrolebindings.rbac.authorization.k8s.io": `{"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"x"}}`,
	"customresourcedefinitions.apiextensions.k8s.io": `{"spec":{"group":"cascade.example.com","scope":"Cluster",
		"names":{"plural":"cascades","kind":"Cascade"},
		"versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object"}}}]}}`,
}

// names are the names of the objects that are deleted; others are called "cascade".
var names = map[string]string{
	"apps.app.rancherdesktop.io": "app", "hostinfos.rdd.rancherdesktop.io": "system",
	"customresourcedefinitions.apiextensions.k8s.io": "cascades.cascade.example.com",
}

// TestCascadesEndLikeTheDefault deletes an object of every kind that is served with every cascade:
// nobody collects garbage, so none may wait for that.
func TestCascadesEndLikeTheDefault(t *testing.T) {
	e := start(t)
	e.must(e.create(newConfigMap("default", "cascade-source", map[string]string{"template": validTemplate})))
	e.must(e.create(newDefinition("example.com", "Gadget")))
	config := e.server.Config("rdd:user")
	objects, err := dynamic.NewForConfig(config)
	e.must(err)
	kube, err := kubernetes.NewForConfig(config)
	e.must(err)
	var resources []metav1.APIResource
	if !eventually(t.Context(), func() bool {
		resources = deletable(t, kube.Discovery())
		return slices.ContainsFunc(resources, func(r metav1.APIResource) bool { return r.Group == "example.com" })
	}) {
		t.Fatal("the user's definition is not served")
	}
	if len(resources) < 15 {
		t.Errorf("discovery shows only %d resources", len(resources))
	}
	for _, r := range resources {
		gvr := schema.GroupVersionResource{Group: r.Group, Version: r.Version, Resource: r.Name}
		t.Run(gvr.GroupResource().String(), func(t *testing.T) {
			var api dynamic.ResourceInterface = objects.Resource(gvr)
			path := "/apis/" + r.Group + "/" + r.Version
			if r.Group == "" {
				path = "/api/" + r.Version
			}
			if r.Namespaced {
				api, path = objects.Resource(gvr).Namespace("default"), path+"/namespaces/default"
			}
			for _, c := range cascades {
				made := makeSpecimen(t, api, r)
				request := kube.CoreV1().RESTClient().Delete().AbsPath(path + "/" + r.Name + "/" + made.GetName())
				for _, pair := range strings.Split(c.query, "&") {
					if name, value, ok := strings.Cut(pair, "="); ok {
						request.Param(name, value)
					}
				}
				if err := request.Body([]byte(c.body)).SetHeader("Content-Type", "application/json").Do(t.Context()).Error(); err != nil {
					t.Fatalf("%+v: %v", c, err)
				}
				last := ""
				if !eventually(t.Context(), func() bool {
					now, err := api.Get(t.Context(), made.GetName(), metav1.GetOptions{})
					last = fmt.Sprintf("%v %v", now, err)
					return apierrors.IsNotFound(err) || err == nil && now.GetUID() != made.GetUID()
				}) {
					t.Fatalf("%+v: it is still there: %s", c, last)
				}
			}
		})
	}
}

// deletable returns the resources whose objects can be deleted, each in one version.
func deletable(t *testing.T, client discovery.DiscoveryInterface) []metav1.APIResource {
	t.Helper()
	lists, err := client.ServerPreferredResources()
	if err != nil {
		t.Fatal(err)
	}
	var all []metav1.APIResource
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list.APIResources {
			if slices.Contains(r.Verbs, "delete") {
				r.Group, r.Version = gv.Group, gv.Version
				all = append(all, r)
			}
		}
	}
	return all
}

// makeSpecimen makes an object that can be deleted, or returns one that a controller has made.
func makeSpecimen(t *testing.T, api dynamic.ResourceInterface, r metav1.APIResource) *unstructured.Unstructured {
	t.Helper()
	id := schema.GroupResource{Group: r.Group, Resource: r.Name}.String()
	object := map[string]any{}
	if text, ok := specimens[id]; ok {
		if err := json.Unmarshal([]byte(text), &object); err != nil {
			t.Fatal(err)
		}
	}
	u := &unstructured.Unstructured{Object: object}
	u.SetGroupVersionKind(schema.GroupVersionKind{Group: r.Group, Version: r.Version, Kind: r.Kind})
	u.SetName("cascade")
	if name, ok := names[id]; ok {
		u.SetName(name)
	}
	made, err := api.Create(context.Background(), u, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		made, err = api.Get(context.Background(), u.GetName(), metav1.GetOptions{})
	}
	if err != nil {
		t.Fatalf("making %s: %v", id, err)
	}
	return made
}
