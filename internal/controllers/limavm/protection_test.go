// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/api/scheme"
)

func TestProtection(t *testing.T) {
	const reset, restart = limav1.AnnotationResetRequested, limav1.AnnotationRestartRequested
	with := func(annotations ...string) *limav1.LimaVM {
		vm := &limav1.LimaVM{ObjectMeta: metav1.ObjectMeta{Name: "dev", Annotations: map[string]string{}}}
		for i := 0; i < len(annotations); i += 2 {
			vm.Annotations[annotations[i]] = annotations[i+1]
		}
		return vm
	}
	on := limav1.AnnotationProtected
	reader := fake.NewClientBuilder().WithScheme(scheme.New()).Build()
	guard := protectionGuard{reader}
	for _, tc := range []struct {
		name     string
		old, vm  *limav1.LimaVM
		matches  bool
		refusals string
	}{
		{"not protected", with(), with(reset, "1"), false, ""},
		{"protected no more", with(on, "false"), with(on, "false", reset, "1"), false, ""},
		{"a reset", with(on, "true"), with(on, "true", reset, "1"), true, "cannot reset LimaVM \"dev\": it is protected"},
		{"another reset", with(on, "true", reset, "1"), with(on, "true", reset, "2"), true, "rdd limavm unprotect dev"},
		{"a reset that was asked for before", with(on, "true", reset, "1"), with(on, "true", reset, "1", restart, "1"), true, ""},
		{"the request is removed", with(on, "true", reset, "1"), with(on, "true"), true, ""},
		{"the protection ends", with(on, "true"), with(), true, ""},
		{"the protection ends with a reset", with(on, "true"), with(reset, "1"), true, ""},
	} {
		if got := protectionRules(runtime.NewScheme(), reader)[0].Match(tc.vm, tc.old); got != tc.matches {
			t.Errorf("%s: the rule matches: %t", tc.name, got)
		}
		_, err := guard.ValidateUpdate(t.Context(), tc.old, tc.vm)
		if tc.matches && (err == nil) != (tc.refusals == "") || err != nil && !strings.Contains(err.Error(), tc.refusals) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	_, err := guard.ValidateDelete(t.Context(), with(on, "true"))
	if err == nil || !strings.Contains(err.Error(), "cannot delete") {
		t.Errorf("the deletion: %v", err)
	}
	going := with(on, "true")
	going.DeletionTimestamp = &metav1.Time{}
	if _, err := (protectionGuard{}).ValidateDelete(t.Context(), going); err == nil {
		t.Error("a zero time is no deletion")
	}
	now := metav1.Now()
	going.DeletionTimestamp = &now
	if _, err := (protectionGuard{}).ValidateDelete(t.Context(), going); err != nil {
		t.Errorf("a deletion that has begun: %v", err)
	}
}

// TestProtectionInDeletedNamespace warns of what follows a change of the protection.
func TestProtectionInDeletedNamespace(t *testing.T) {
	machine := func(namespace string, protected bool) *limav1.LimaVM {
		vm := &limav1.LimaVM{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "dev"}}
		if protected {
			vm.Annotations = map[string]string{limav1.AnnotationProtected: "true"}
		}
		return vm
	}
	now := metav1.Now()
	guard := protectionGuard{fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "stays"}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "going", DeletionTimestamp: &now, Finalizers: []string{"x/y"}}},
	).Build()}
	for _, tc := range []struct {
		namespace  string
		was, is    bool
		want       string
		inDeletion bool
	}{
		{"stays", true, false, "", false},
		{"gone", true, false, "", false},
		{"going", true, true, "", false},
		{"going", true, false, `LimaVM "dev" is deleted now, with its disk: its namespace "going" is being deleted`, false},
		{"going", false, true, `namespace "going" is being deleted: LimaVM "dev" is kept only until its protection ends`, false},
		{"going", true, false, "", true},
	} {
		vm := machine(tc.namespace, tc.is)
		if tc.inDeletion {
			vm.DeletionTimestamp = &now
		}
		warnings, err := guard.ValidateUpdate(t.Context(), machine(tc.namespace, tc.was), vm)
		if err != nil || !strings.Contains(strings.Join(warnings, "\n"), tc.want) || (len(warnings) > 0) != (tc.want != "") {
			t.Errorf("%+v: %q, %v", tc, warnings, err)
		}
	}
}

// TestDeletionOfProtectedNamespace names the LimaVMs that keep a namespace.
func TestDeletionOfProtectedNamespace(t *testing.T) {
	now := metav1.Now()
	machine := func(namespace, name, protected string, deleted *metav1.Time) *limav1.LimaVM {
		return &limav1.LimaVM{ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name, Annotations: map[string]string{limav1.AnnotationProtected: protected},
			DeletionTimestamp: deleted, Finalizers: []string{limav1.FinalizerCleanup},
		}}
	}
	guard := protectedNamespaceGuard{fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(
		machine("has", "one", "true", nil), machine("has", "two", "true", nil), machine("has", "three", "false", nil),
		machine("lacks", "four", "", nil), machine("lacks", "five", "true", &now),
	).Build()}
	for _, tc := range []struct {
		namespace *corev1.Namespace
		want      string
	}{
		{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "lacks"}}, ""},
		{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "empty"}}, ""},
		{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "has", DeletionTimestamp: &now}}, ""},
		{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "has"}}, `cannot delete namespace "has": it has protected LimaVMs: one, two; ` +
			`to end the protection: rdd limavm unprotect one two`},
	} {
		_, err := guard.ValidateDelete(t.Context(), tc.namespace)
		if (err == nil) != (tc.want == "") || err != nil && err.Error() != tc.want {
			t.Errorf("%s: %v, want %q", tc.namespace.Name, err, tc.want)
		}
	}
}
