// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	webhook "sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"rancherdesktop.io/rdd/internal/rules"
	"rancherdesktop.io/rdd/test/apitest"
)

// The resources of the plugin's tests: a built-in one, whose objects arrive in the internal
// version, a custom one with a status, and namespaces.
var (
	configMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	limaVMs    = schema.GroupVersionResource{Group: "lima.rancherdesktop.io", Version: "v1alpha1", Resource: "limavms"}
	namespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
)

const (
	sentence = "cannot do that: it is guarded; do something else instead"
	// guarded marks objects that the rule protects, defaulted those that the mutating rule has seen.
	guarded, defaulted = "guarded", "defaulted"
)

// witness has rules that record their requests.
type witness struct {
	mu   sync.Mutex
	seen []webhook.Request
}

func (w *witness) take() []webhook.Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.seen
	w.seen = nil
	return seen
}

// validate refuses changes of objects that were guarded before, and to create objects that are
// labelled as bad.
func (w *witness) validate(ctx context.Context, request webhook.Request) webhook.Response {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, request)
	if _, err := webhook.RequestFromContext(ctx); err != nil {
		return webhook.Errored(http.StatusInternalServerError, err)
	}
	switch {
	case label(request.OldObject.Raw, guarded) != "" || label(request.Object.Raw, "bad") != "":
		return webhook.Denied(sentence)
	case label(request.Object.Raw, "broken") != "":
		return webhook.Errored(http.StatusInternalServerError, errors.New("the disk is on fire"))
	}
	return webhook.Allowed("").WithWarnings("a word of warning")
}

// setDefault adds a label that is missing, by a patch that has no other field.
func setDefault(_ context.Context, request webhook.Request) webhook.Response {
	var object map[string]any
	if err := json.Unmarshal(request.Object.Raw, &object); err != nil {
		return webhook.Errored(http.StatusBadRequest, err)
	}
	u := unstructured.Unstructured{Object: object}
	labels := u.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[defaulted] = "yes"
	u.SetLabels(labels)
	changed, err := u.MarshalJSON()
	if err != nil {
		return webhook.Errored(http.StatusInternalServerError, err)
	}
	return webhook.PatchResponseFromRaw(request.Object.Raw, changed)
}

func label(raw []byte, name string) string {
	var object metav1.PartialObjectMetadata
	if len(raw) == 0 || json.Unmarshal(raw, &object) != nil {
		return ""
	}
	return object.Labels[name]
}

func (w *witness) rules() []rules.Rule {
	var all []rules.Rule
	for _, resource := range []schema.GroupVersionResource{configMaps, limaVMs, namespaces} {
		all = append(all,
			rules.Rule{
				Name: "witness", Resource: resource.GroupResource(), Handler: webhook.HandlerFunc(w.validate),
				Operations: []admissionv1.Operation{admissionv1.Create, admissionv1.Update, admissionv1.Delete},
				Match: func(object, old metav1.Object) bool {
					return object != nil && object.GetLabels()["ignored"] == "" || object == nil && old != nil
				},
			},
			rules.Rule{
				Name: "defaulter", Resource: resource.GroupResource(), Mutating: true, Handler: webhook.HandlerFunc(setDefault),
				Operations: []admissionv1.Operation{admissionv1.Create, admissionv1.Update},
			})
	}
	return all
}

// warnings collects the warnings that a client gets.
type warnings struct {
	mu    sync.Mutex
	texts []string
}

func (w *warnings) HandleWarningHeader(_ int, _, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.texts = append(w.texts, text)
}

func (w *warnings) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	texts := w.texts
	w.texts = nil
	return texts
}

type plugin struct {
	*testing.T
	witness  *witness
	warnings *warnings
	client   dynamic.Interface
	resource schema.GroupVersionResource
	objects  dynamic.ResourceInterface
}

func TestAdmissionPlugin(t *testing.T) {
	w, warned := &witness{}, &warnings{}
	server := apitest.Start(t, w.rules()...)
	config := rest.CopyConfig(server.Config("system:rdd:controller:app"))
	config.WarningHandler = warned
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	for _, resource := range []schema.GroupVersionResource{configMaps, limaVMs} {
		for name, test := range map[string]func(*plugin){
			"what a rule sees":                testRequest,
			"a guarded object stays":          testGuard,
			"delete --all is judged for each": testDeleteCollection,
			"a bad object is not made":        testBad,
			"defaults are patched in":         testDefaults,
			"a broken rule is named":          testBroken,
			"warnings reach the caller":       testWarnings,
			"status is not judged":            testStatus,
		} {
			t.Run(resource.Resource+"/"+name, func(t *testing.T) {
				p := &plugin{T: t, witness: w, warnings: warned, client: client, resource: resource}
				p.objects = client.Resource(resource).Namespace("default")
				w.take()
				warned.take()
				test(p)
			})
		}
	}
	t.Run("namespaces", func(t *testing.T) {
		p := &plugin{T: t, witness: w, warnings: warned, client: client, resource: namespaces, objects: client.Resource(namespaces)}
		testGuard(p)
	})
}

// object returns a small valid object of the resource.
func (p *plugin) object(name string, labels ...string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{}}
	kinds := map[schema.GroupVersionResource]string{configMaps: "ConfigMap", limaVMs: "LimaVM", namespaces: "Namespace"}
	u.SetGroupVersionKind(p.resource.GroupVersion().WithKind(kinds[p.resource]))
	u.SetName(name)
	set := map[string]string{}
	for _, each := range labels {
		set[each] = "yes"
	}
	u.SetLabels(set)
	switch p.resource {
	case limaVMs:
		u.Object["spec"] = map[string]any{"templateRef": map[string]any{"name": "template"}}
	case configMaps:
		u.Object["data"] = map[string]any{"key": "value"}
	}
	return u
}

func (p *plugin) create(object *unstructured.Unstructured, dryRun ...string) (*unstructured.Unstructured, error) {
	return p.objects.Create(p.Context(), object, metav1.CreateOptions{DryRun: dryRun})
}

func (p *plugin) mustCreate(object *unstructured.Unstructured) *unstructured.Unstructured {
	p.Helper()
	made, err := p.create(object)
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { p.clean(object.GetName()) })
	return made
}

// clean removes the guard from an object, if it has one, by an update that the rule is not about.
func (p *plugin) clean(name string) {
	patch := []byte(`{"metadata":{"labels":{"guarded":null,"ignored":"yes"}}}`)
	if _, err := p.objects.Patch(context.Background(), name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil &&
		!apierrors.IsNotFound(err) {
		p.Error(err)
	}
	if err := p.objects.Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		p.Error(err)
	}
}

// mustRefuse checks the error that the user gets: the rule's message and nothing else, with 403.
func (p *plugin) mustRefuse(what string, err error) {
	p.Helper()
	var status apierrors.APIStatus
	if !errors.As(err, &status) || !apierrors.IsForbidden(err) || status.Status().Code != http.StatusForbidden {
		p.Errorf("%s: want 403 Forbidden, got %v", what, err)
		return
	}
	if message := status.Status().Message; message != sentence {
		p.Errorf("%s: the user reads %q", what, message)
	}
}

func testRequest(p *plugin) {
	p.mustCreate(p.object("seen"))
	if _, err := p.objects.Patch(
		p.Context(), "seen", types.MergePatchType, []byte(`{"metadata":{"labels":{"new":"yes"}}}`),
		metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}},
	); err != nil {
		p.Fatal(err)
	}
	if err := p.objects.Delete(p.Context(), "seen", metav1.DeleteOptions{}); err != nil {
		p.Fatal(err)
	}
	seen := p.witness.take()
	if len(seen) != 3 {
		p.Fatalf("the rule was asked %d times, want 3", len(seen))
	}
	for i, want := range []struct {
		operation   admissionv1.Operation
		object, old bool
		dryRun      bool
	}{{admissionv1.Create, true, false, false}, {admissionv1.Update, true, true, true}, {admissionv1.Delete, false, true, false}} {
		got := seen[i]
		if got.Operation != want.operation || (got.Object.Raw != nil) != want.object || (got.OldObject.Raw != nil) != want.old ||
			*got.DryRun != want.dryRun {
			p.Errorf(
				"request %d: %s, object %d bytes, old %d bytes, dry run %t", i, got.Operation, len(got.Object.Raw), len(got.OldObject.Raw), *got.DryRun,
			)
		}
		if got.Name != "seen" || got.Namespace != "default" || got.UserInfo.Username != "system:rdd:controller:app" || got.UID == "" {
			p.Errorf("request %d is about %s/%s by %s", i, got.Namespace, got.Name, got.UserInfo.Username)
		}
		raw := append(slices.Clone(got.Object.Raw), got.OldObject.Raw...)
		var object metav1.TypeMeta
		if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&object); err != nil || object.APIVersion != p.resource.GroupVersion().String() ||
			object.Kind == "" {
			p.Errorf("request %d carries %q %q, want version %s: %v", i, object.APIVersion, object.Kind, p.resource.GroupVersion(), err)
		}
	}
}

func testGuard(p *plugin) {
	made := p.mustCreate(p.object("guarded", guarded))
	name, dry := made.GetName(), []string{metav1.DryRunAll}
	foreground := metav1.DeletePropagationForeground
	for what, options := range map[string]metav1.DeleteOptions{
		"delete": {}, "delete, dry run": {DryRun: dry}, "delete, foreground": {PropagationPolicy: &foreground},
	} {
		p.mustRefuse(what, p.objects.Delete(p.Context(), name, options))
	}
	for what, patch := range map[string]struct {
		kind types.PatchType
		data string
	}{
		"merge patch": {types.MergePatchType, `{"metadata":{"labels":{"guarded":null}}}`},
		"JSON patch":  {types.JSONPatchType, `[{"op":"remove","path":"/metadata/labels/guarded"}]`},
	} {
		_, err := p.objects.Patch(p.Context(), name, patch.kind, []byte(patch.data), metav1.PatchOptions{})
		p.mustRefuse(what, err)
		_, err = p.objects.Patch(p.Context(), name, patch.kind, []byte(patch.data), metav1.PatchOptions{DryRun: dry})
		p.mustRefuse(what+", dry run", err)
	}
	_, err := p.objects.Apply(p.Context(), name, p.object(name, "other"), metav1.ApplyOptions{FieldManager: "test", Force: true})
	p.mustRefuse("server-side apply", err)
	replacement := made.DeepCopy()
	replacement.SetLabels(nil)
	_, err = p.objects.Update(p.Context(), replacement, metav1.UpdateOptions{})
	p.mustRefuse("replace", err)
	left, err := p.objects.Get(p.Context(), name, metav1.GetOptions{})
	if err != nil || left.GetLabels()[guarded] == "" || left.GetDeletionTimestamp() != nil {
		p.Errorf("the guarded object is now %v: %v", left, err)
	}
}

func testDeleteCollection(p *plugin) {
	p.mustCreate(p.object("all-1", "all"))
	p.mustCreate(p.object("all-2", "all", guarded))
	err := p.objects.DeleteCollection(p.Context(), metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "all"})
	p.mustRefuse("delete --all", err)
	if _, err := p.objects.Get(p.Context(), "all-2", metav1.GetOptions{}); err != nil {
		p.Errorf("the guarded one: %v", err)
	}
}

func testBad(p *plugin) {
	_, err := p.create(p.object("bad", "bad"))
	p.mustRefuse("create", err)
	_, err = p.create(p.object("bad", "bad"), metav1.DryRunAll)
	p.mustRefuse("create, dry run", err)
	_, err = p.objects.Apply(p.Context(), "bad", p.object("bad", "bad"), metav1.ApplyOptions{FieldManager: "test"})
	p.mustRefuse("server-side apply that creates", err)
	if _, err := p.objects.Get(p.Context(), "bad", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		p.Errorf("a refused object exists: %v", err)
	}
	p.mustCreate(p.object("good"))
	_, err = p.objects.Patch(p.Context(), "good", types.MergePatchType, []byte(`{"metadata":{"labels":{"bad":"yes"}}}`), metav1.PatchOptions{})
	p.mustRefuse("a change to something bad", err)
}

func testDefaults(p *plugin) {
	object := p.object("defaults")
	if p.resource == configMaps {
		object.Object["binaryData"] = map[string]any{"blob": "AAEC"}
	}
	made := p.mustCreate(object)
	if made.GetLabels()[defaulted] == "" {
		p.Errorf("labels are %v", made.GetLabels())
	}
	for _, field := range []string{"spec", "data", "binaryData"} {
		want, has := object.Object[field]
		if got := made.Object[field]; has && !includes(got, want) {
			p.Errorf("%s is %v, want %v", field, got, want)
		}
	}
	dry, err := p.create(p.object("defaults-dry"), metav1.DryRunAll)
	if err != nil || dry.GetLabels()[defaulted] == "" {
		p.Errorf("dry run made %v: %v", dry, err)
	}
}

// includes reports whether every field of want is in got with the same value.
func includes(got, want any) bool {
	wanted, ok := want.(map[string]any)
	if !ok {
		return got == want
	}
	fields, ok := got.(map[string]any)
	for key, value := range wanted {
		ok = ok && includes(fields[key], value)
	}
	return ok
}

func testBroken(p *plugin) {
	_, err := p.create(p.object("broken", "broken"))
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Code != http.StatusInternalServerError ||
		status.Status().Message != "rule witness failed: the disk is on fire" {
		p.Errorf("a rule that broke answered: %v", err)
	}
}

func testWarnings(p *plugin) {
	p.mustCreate(p.object("warned"))
	if got := p.warnings.take(); !slices.Contains(got, "a word of warning") {
		p.Errorf("warned of %q", got)
	}
}

func testStatus(p *plugin) {
	if p.resource != limaVMs {
		p.Skip("has no status")
	}
	p.mustCreate(p.object("status", guarded))
	p.witness.take()
	_, err := p.objects.Patch(
		p.Context(), "status", types.MergePatchType, []byte(`{"status":{"restartCount":3}}`), metav1.PatchOptions{}, "status",
	)
	if err != nil || len(p.witness.take()) != 0 {
		p.Errorf("a change of status was judged: %v", err)
	}
}
