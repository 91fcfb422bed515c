// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/fake"
)

// TestPausedGuest checks that a paused guest is reported until it goes on, and that a retry request
// resumes one that somebody has paused.
func TestPausedGuest(t *testing.T) {
	e := start(t)
	e.makeVM("default", "one", run)
	before := e.waitRunning("one")
	e.must(e.world.Pause("one", vm.Pause{Reason: vm.PauseDiskFull, Path: "/d", Text: "/d is full: 5 more", Hint: "make room"}))
	full := e.waitVM("default", "one", limav1.ConditionRunning, check{status: metav1.ConditionFalse, reason: limav1.ReasonHostDiskFull})
	if f := full.Status.Failure; f == nil || f.Kind != "DiskFull" || f.Message != "/d is full: 5 more" || f.Hint != "make room" {
		t.Errorf("got %+v", f)
	}
	e.must(e.world.Unpause("one"))
	on := e.waitRunning("one")
	if on.Status.Failure != nil || on.Status.RestartCount != before.Status.RestartCount || on.Status.BootID != before.Status.BootID {
		t.Errorf("got %+v, before %+v", on.Status, before.Status)
	}

	e.must(e.world.Pause("one", vm.Pause{Reason: vm.PauseRequested, Text: "by somebody"}))
	e.waitVM("default", "one", limav1.ConditionRunning, check{status: metav1.ConditionFalse, reason: limav1.ReasonPaused})
	e.annotate("one", limav1.AnnotationRetryRequested, time.Now().Format(time.RFC3339Nano))
	e.waitRunning("one")

	e.must(e.world.Pause("one", vm.Pause{Reason: vm.PauseDiskFull, Text: "/d is full: 5 more"}))
	e.waitVM("default", "one", limav1.ConditionRunning, check{reason: limav1.ReasonHostDiskFull})
	e.patchVM("one", `{"spec":{"running":false}}`)
	down := e.waitVM("default", "one", limav1.ConditionRunning, check{reason: limav1.ReasonStopped})
	if down.Status.Failure != nil {
		t.Errorf("what is stopped has failed: %+v", down.Status.Failure)
	}
}

// TestDeleteOfABootingGuest checks that a guest that was never up is not shut down before it is
// deleted, also when it is being stopped already: one that hangs in its boot would not end.
func TestDeleteOfABootingGuest(t *testing.T) {
	e := start(t)
	const never = 1 << 30
	e.world.SetSteps(fake.Steps{Create: 1, Boot: never, Stop: never, Delete: 1})
	booting := check{status: metav1.ConditionFalse, reason: limav1.ReasonStarting}
	e.makeVM("default", "one", run)
	e.waitVM("default", "one", limav1.ConditionRunning, booting)
	e.deleteVM("default", "one")
	if calls := e.world.Calls(); slices.ContainsFunc(calls, func(c fake.Call) bool { return c.Method == "Stop" }) {
		t.Error("a booting guest is shut down")
	}
	e.makeVM("default", "two", run)
	e.waitVM("default", "two", limav1.ConditionRunning, booting)
	e.patchVM("two", `{"spec":{"running":false}}`)
	e.waitVM("default", "two", limav1.ConditionRunning, check{reason: limav1.ReasonStopping})
	e.deleteVM("default", "two")
}
