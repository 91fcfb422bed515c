// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

// TestReleaseFromCollector checks which finalizers are removed from a namespace, and when.
func TestReleaseFromCollector(t *testing.T) {
	const mine = "example.com/mine"
	for name, test := range map[string]struct {
		deleting     bool
		spec         []corev1.FinalizerName
		before, want []string
	}{
		"foreground":        {true, nil, []string{metav1.FinalizerDeleteDependents, mine}, []string{mine}},
		"orphan":            {true, nil, []string{metav1.FinalizerOrphanDependents}, nil},
		"a user's own":      {true, nil, []string{mine}, []string{mine}},
		"not empty yet":     {true, []corev1.FinalizerName{"kubernetes"}, []string{"orphan"}, []string{"orphan"}},
		"not being deleted": {false, nil, []string{"orphan"}, []string{"orphan"}},
	} {
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "n", Finalizers: test.before}}
		ns.Spec.Finalizers = test.spec
		if test.deleting {
			ns.DeletionTimestamp = new(metav1.Now())
		}
		client := fake.NewClientset(ns)
		if err := releaseFromCollector(t.Context(), client, "n"); err != nil {
			t.Fatal(err)
		}
		now, err := client.CoreV1().Namespaces().Get(t.Context(), "n", metav1.GetOptions{})
		if err != nil || !slices.Equal(now.Finalizers, test.want) {
			t.Errorf("%s: %q, %v", name, now.Finalizers, err)
		}
	}
}
