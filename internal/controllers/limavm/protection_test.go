// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
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
		if got := protectionRule(runtime.NewScheme()).Match(tc.vm, tc.old); got != tc.matches {
			t.Errorf("%s: the rule matches: %t", tc.name, got)
		}
		_, err := protectionGuard{}.ValidateUpdate(t.Context(), tc.old, tc.vm)
		if tc.matches && (err == nil) != (tc.refusals == "") || err != nil && !strings.Contains(err.Error(), tc.refusals) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	_, err := protectionGuard{}.ValidateDelete(t.Context(), with(on, "true"))
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
