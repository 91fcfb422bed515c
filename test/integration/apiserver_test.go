// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/api/scheme"
	"rancherdesktop.io/rdd/test/apitest"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// bare is a server without rules and controllers.
type bare struct {
	*testing.T
	server *apitest.Server
	kube   kubernetes.Interface
}

func newBare(t *testing.T, server *apitest.Server) *bare {
	t.Helper()
	b := &bare{T: t, server: server}
	b.kube = b.clientFor(server.Config("rdd:user"))
	return b
}

func (b *bare) clientFor(config *rest.Config) kubernetes.Interface {
	b.Helper()
	kube, err := kubernetes.NewForConfig(config)
	b.must(err)
	return kube
}

func (b *bare) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// get requests a path with the given token ("" for none) and returns the status and the body.
func (b *bare) get(path, token string) (int, string) {
	b.Helper()
	config := rest.AnonymousClientConfig(b.server.Config("rdd:user"))
	config.BearerToken = token
	httpClient, err := rest.HTTPClientFor(config)
	b.must(err)
	request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, config.Host+path, http.NoBody)
	b.must(err)
	response, err := httpClient.Do(request)
	b.must(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	b.must(err)
	return response.StatusCode, string(body)
}

func TestServer(t *testing.T) {
	server := apitest.Start(t)
	for name, test := range map[string]func(*bare){
		"anonymous callers see health and version only": testAnonymous,
		"discovery shows custom and built-in groups":    testDiscovery,
		"OpenAPI v3 covers custom resources":            testOpenAPI,
		"OpenAPI v2 is made on demand":                  testOpenAPI2,
		"callers are who they say":                      testIdentity,
		"impersonation works for the user":              testImpersonation,
		"service accounts get what RBAC gives them":     testServiceAccount,
		"system namespaces cannot be deleted":           testSystemNamespaces,
		"a namespace's deletion empties it":             testNamespaceDeletion,
		"deletion waits for finalizers":                 testNamespaceFinalizer,
		"cascade modes end like the default":            testCascade,
		"an unknown field is refused":                   testUnknownField,
	} {
		t.Run(name, func(t *testing.T) { test(newBare(t, server)) })
	}
}

func testAnonymous(b *bare) {
	for _, path := range []string{"/healthz", "/livez", "/readyz", "/version"} {
		if status, _ := b.get(path, ""); status != http.StatusOK {
			b.Errorf("GET %s: status %d, want 200", path, status)
		}
	}
	for _, path := range []string{
		"/", "/api", "/apis", "/openapi/v3", "/metrics", "/healthz/ping", "/api/v1/namespaces", "/debug/pprof/", "/logs",
	} {
		if status, body := b.get(path, ""); status != http.StatusUnauthorized {
			b.Errorf("GET %s: status %d, want 401: %s", path, status, body)
		}
	}
	if status, _ := b.get("/api/v1/namespaces", strings.Repeat("0", 64)); status != http.StatusUnauthorized {
		b.Errorf("a wrong token got status %d", status)
	}
}

func testDiscovery(b *bare) {
	_, body := b.get("/apis", b.server.Config("rdd:user").BearerToken)
	var groups metav1.APIGroupList
	b.must(json.Unmarshal([]byte(body), &groups))
	var names []string
	for _, group := range groups.Groups {
		names = append(names, group.Name)
	}
	for _, want := range []string{
		"app.rancherdesktop.io", "lima.rancherdesktop.io", "apiextensions.k8s.io", "rbac.authorization.k8s.io", "events.k8s.io",
	} {
		if !slices.Contains(names, want) {
			b.Errorf("plain /apis lacks %s: %v", want, names)
		}
	}
	_, lists, err := b.kube.Discovery().ServerGroupsAndResources()
	b.must(err)
	var resources []string
	for _, list := range lists {
		for _, resource := range list.APIResources {
			resources = append(resources, resource.Name+"."+list.GroupVersion)
		}
	}
	for _, want := range []string{
		"apps.app.rancherdesktop.io/v1alpha1", "limavms.lima.rancherdesktop.io/v1alpha1", "configmaps.v1",
		"customresourcedefinitions.apiextensions.k8s.io/v1", "leases.coordination.k8s.io/v1",
	} {
		if !slices.Contains(resources, want) {
			b.Errorf("aggregated discovery lacks %s: %v", want, resources)
		}
	}
	if slices.Contains(resources, "resourcequotas.v1") || slices.Contains(resources, "pods.v1") {
		b.Error("discovery shows resources that nobody serves")
	}
}

func testOpenAPI(b *bare) {
	token := b.server.Config("rdd:user").BearerToken
	for path, want := range map[string]string{
		"/openapi/v3/apis/app.rancherdesktop.io/v1alpha1":  "containerEngine",
		"/openapi/v3/apis/lima.rancherdesktop.io/v1alpha1": "templateRef",
		"/openapi/v3/apis/apiextensions.k8s.io/v1":         "CustomResourceDefinition",
		"/openapi/v3/api/v1":                               "ConfigMap",
	} {
		if status, body := b.get(path, token); status != http.StatusOK || !strings.Contains(body, want) {
			b.Errorf("GET %s: status %d, %d bytes without %q", path, status, len(body), want)
		}
	}
}

// testOpenAPI2: what kubectl before 1.27 needs has the built-in groups and those of definitions.
func testOpenAPI2(b *bare) {
	token := b.server.Config("rdd:user").BearerToken
	want := []string{"containerEngine", "templateRef", "io.k8s.api.core.v1.ConfigMap", `"kind":"LimaVM"`, "CustomResourceDefinitionSpec"}
	status, body := b.get("/openapi/v2", token)
	for _, text := range want {
		if status != http.StatusOK || !strings.Contains(body, text) {
			b.Errorf("status %d, %d bytes without %q", status, len(body), text)
		}
	}
	if again, same := b.get("/openapi/v2", token); again != http.StatusOK || same != body {
		b.Errorf("the second time: status %d, %d bytes, before %d", again, len(same), len(body))
	}
	if status, _ := b.get("/openapi/v2", ""); status != http.StatusUnauthorized {
		b.Errorf("without a token: status %d", status)
	}
}

func (b *bare) whoAmI(config *rest.Config) authenticationv1.UserInfo {
	b.Helper()
	review, err := b.clientFor(config).AuthenticationV1().SelfSubjectReviews().Create(
		b.Context(), &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{},
	)
	b.must(err)
	return review.Status.UserInfo
}

func testIdentity(b *bare) {
	for _, name := range []string{"rdd:user", "system:rdd:controller:app", "system:rdd:namespace-controller", "system:rdd:daemon"} {
		if got := b.whoAmI(b.server.Config(name)); got.Username != name {
			b.Errorf("the token of %s belongs to %s", name, got.Username)
		}
	}
}

func testImpersonation(b *bare) {
	config := b.server.Config("rdd:user")
	config.Impersonate.UserName = "system:rdd:controller:limavm"
	if got := b.whoAmI(config); got.Username != "system:rdd:controller:limavm" {
		b.Errorf("impersonating the LimaVM controller made %s", got.Username)
	}
	_, err := b.clientFor(config).CoreV1().Namespaces().List(b.Context(), metav1.ListOptions{})
	b.must(err)
	config.Impersonate.UserName = "somebody"
	_, err = b.clientFor(config).CoreV1().Namespaces().List(b.Context(), metav1.ListOptions{})
	if !apierrors.IsForbidden(err) {
		b.Errorf("somebody listed namespaces: %v", err)
	}
}

func testServiceAccount(b *bare) {
	const name = "reader"
	accounts := b.kube.CoreV1().ServiceAccounts("default")
	_, err := accounts.Create(b.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	b.must(err)
	token, err := accounts.CreateToken(b.Context(), name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	b.must(err)
	config := rest.AnonymousClientConfig(b.server.Config("rdd:user"))
	config.BearerToken = token.Status.Token
	list := func() error {
		_, err := b.clientFor(config).CoreV1().ConfigMaps("default").List(b.Context(), metav1.ListOptions{})
		return err
	}
	if err := list(); !apierrors.IsForbidden(err) {
		b.Fatalf("without a role: %v", err)
	}
	rules := []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"list"}}}
	_, err = b.kube.RbacV1().Roles("default").Create(
		b.Context(), &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: rules}, metav1.CreateOptions{},
	)
	b.must(err)
	_, err = b.kube.RbacV1().RoleBindings("default").Create(b.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: name, Namespace: "default"}},
	}, metav1.CreateOptions{})
	b.must(err)
	b.eventually("the role to count", func() bool { return list() == nil })
	b.must(accounts.Delete(b.Context(), name, metav1.DeleteOptions{}))
	if err := list(); !apierrors.IsUnauthorized(err) {
		b.Errorf("the token of a deleted account still works: %v", err)
	}
}

func testSystemNamespaces(b *bare) {
	for _, name := range []string{"default", "kube-system"} {
		if err := b.kube.CoreV1().Namespaces().Delete(b.Context(), name, metav1.DeleteOptions{}); !apierrors.IsForbidden(err) {
			b.Errorf("deleting %s: %v", name, err)
		}
	}
}

func (b *bare) namespace(name string) {
	b.Helper()
	_, err := b.kube.CoreV1().Namespaces().Create(
		b.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{},
	)
	b.must(err)
}

// deleted begins a namespace's deletion, and returns a function that waits until it is removed.
func (b *bare) deleted(name string) func() {
	b.Helper()
	watcher, err := b.kube.CoreV1().Namespaces().Watch(b.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	b.must(err)
	b.must(b.kube.CoreV1().Namespaces().Delete(b.Context(), name, metav1.DeleteOptions{}))
	return func() {
		b.Helper()
		defer watcher.Stop()
		ctx, cancel := context.WithTimeout(b.Context(), waitTimeout)
		defer cancel()
		for {
			select {
			case event := <-watcher.ResultChan():
				if event.Type == "DELETED" {
					return
				}
			case <-ctx.Done():
				b.Fatalf("namespace %s is not gone", name)
			}
		}
	}
}

func testNamespaceDeletion(b *bare) {
	b.namespace("doomed")
	_, err := b.kube.CoreV1().ConfigMaps("doomed").Create(
		b.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "content"}}, metav1.CreateOptions{},
	)
	b.must(err)
	custom, err := client.New(b.server.Config("rdd:user"), client.Options{Scheme: scheme.New()})
	b.must(err)
	machine := &limav1.LimaVM{ObjectMeta: metav1.ObjectMeta{Name: "content", Namespace: "doomed"}}
	machine.Spec.TemplateRef.Name = "content"
	b.must(custom.Create(b.Context(), machine))
	b.deleted("doomed")()
	if err := custom.Get(b.Context(), client.ObjectKeyFromObject(machine), machine); !apierrors.IsNotFound(err) {
		b.Errorf("a LimaVM outlived its namespace: %v", err)
	}
	_, err = b.kube.CoreV1().ConfigMaps("doomed").Create(
		b.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "late"}}, metav1.CreateOptions{},
	)
	if !apierrors.IsNotFound(err) && !apierrors.IsForbidden(err) { // the guard's cache may still have it
		b.Errorf("created in a namespace that is gone: %v", err)
	}
}

func testNamespaceFinalizer(b *bare) {
	b.namespace("held")
	maps := b.kube.CoreV1().ConfigMaps("held")
	held := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "holder", Finalizers: []string{"example.com/hold"}}}
	_, err := maps.Create(b.Context(), held, metav1.CreateOptions{})
	b.must(err)
	gone := b.deleted("held")
	b.eventually("the content to be deleted", func() bool {
		seen, err := maps.Get(b.Context(), "holder", metav1.GetOptions{})
		return err == nil && seen.DeletionTimestamp != nil
	})
	_, err = maps.Create(b.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "late"}}, metav1.CreateOptions{})
	if !apierrors.IsForbidden(err) {
		b.Errorf("created in a namespace that is being deleted: %v", err)
	}
	_, err = maps.Patch(
		b.Context(), "holder", "application/json-patch+json", []byte(`[{"op":"remove","path":"/metadata/finalizers"}]`), metav1.PatchOptions{},
	)
	b.must(err)
	gone()
}

func testCascade(b *bare) {
	maps := b.kube.CoreV1().ConfigMaps("default")
	for _, policy := range []metav1.DeletionPropagation{
		metav1.DeletePropagationForeground, metav1.DeletePropagationOrphan, metav1.DeletePropagationBackground,
	} {
		_, err := maps.Create(b.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "cascade"}}, metav1.CreateOptions{})
		b.must(err)
		b.must(maps.Delete(b.Context(), "cascade", metav1.DeleteOptions{PropagationPolicy: &policy}))
		if _, err := maps.Get(b.Context(), "cascade", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			b.Errorf("after a deletion with policy %s: %v", policy, err)
		}
	}
}

func testUnknownField(b *bare) {
	body := `{"apiVersion":"app.rancherdesktop.io/v1alpha1","kind":"App","metadata":{"name":"app"},"spec":{"bogus":1}}`
	err := b.kube.CoreV1().RESTClient().Post().AbsPath("/apis/app.rancherdesktop.io/v1alpha1/apps").
		Param("fieldValidation", "Strict").Body([]byte(body)).Do(b.Context()).Error()
	if !apierrors.IsBadRequest(err) || !strings.Contains(err.Error(), "spec.bogus") {
		b.Errorf("an unknown field got: %v", err)
	}
}

// eventually waits for something that becomes true when a cache of the server is updated.
func (b *bare) eventually(what string, done func() bool) {
	b.Helper()
	if !eventually(b.Context(), done) {
		b.Fatalf("waited in vain for %s", what)
	}
}
