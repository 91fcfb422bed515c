// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
)

// await watches the LimaVM of that name until it is as wanted and returns it as it was then.
func (w *world) await(name string, wanted func(*limav1.LimaVM) bool) *limav1.LimaVM {
	w.t.Helper()
	c, err := w.connect()
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), waitTimeout)
	defer cancel()
	// Without a resource version the watch begins with what exists.
	events, err := c.Watch(
		ctx, &limav1.LimaVMList{}, ctrlclient.MatchingFields{"metadata.name": name}, &ctrlclient.ListOptions{Raw: &metav1.ListOptions{}},
	)
	if err != nil {
		w.t.Fatal(err)
	}
	defer events.Stop()
	var last *limav1.LimaVM
	for event := range events.ResultChan() {
		machine, ok := event.Object.(*limav1.LimaVM)
		if !ok || event.Type == watch.Deleted {
			continue
		}
		if last = machine; wanted(machine) {
			return machine
		}
	}
	w.t.Fatalf("LimaVM %q did not become as wanted in %s: %+v", name, waitTimeout, last)
	return nil
}

func condition(m *limav1.LimaVM, name string) metav1.Condition {
	if c := meta.FindStatusCondition(m.Status.Conditions, name); c != nil {
		return *c
	}
	return metav1.Condition{}
}

func reason(m *limav1.LimaVM, name string) string { return condition(m, name).Reason }

// phase is what a LimaVM is doing, for the test's output.
func phase(m *limav1.LimaVM) string {
	if m.DeletionTimestamp != nil {
		return "deleting: " + condition(m, limav1.ConditionRunning).Message
	}
	c := condition(m, limav1.ConditionCreated)
	if c.Status == metav1.ConditionTrue {
		c = condition(m, limav1.ConditionRunning)
	}
	return strings.TrimSuffix(c.Reason+": "+c.Message, ": ")
}
