// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/vm"
)

// TestEveryTransitionIsAnEvent reads the Events of a LimaVM's whole life, across a restart of the
// daemon.
func TestEveryTransitionIsAnEvent(t *testing.T) {
	e := start(t)
	e.makeVM("default", "one", run)
	e.waitRunning("one")
	e.waitEvents("one", "Creating", "Created", "Starting", "Started")
	e.patchVM("one", `{"spec":{"running":false}}`)
	e.waitEvents("one", "Stopping", "Stopped")
	e.stopControllers()
	e.startControllers()
	e.patchVM("one", `{"spec":{"running":true}}`)
	e.waitEvents("one", "Stopping", "Stopped", "Starting×2", "Started×2")
	e.annotate("one", restartRequested, "1")
	e.waitEvents("one", "Restarting", "Stopping×2", "Starting×3", "Started×3")
	e.patchVM("one", `{"spec":{"params":{"greeting":"hej"}}}`)
	e.waitEvents("one", "Restarting", "Stopping×3", "Starting×4", "Started×4")
	e.annotate("one", resetRequested, "1")
	e.waitEvents("one", "Resetting", "Stopping×4", "Reset", "Starting×5", "Started×5")
	e.must(e.world.KillGuest("one"))
	e.waitEvents("one", "MachineDied", "Starting×6", "Started×6")
	e.world.SetForwards("one", vm.Forward{Protocol: "tcp", Host: "127.0.0.1:80", Guest: "127.0.0.1:80", Error: "address already in use"})
	e.waitEvents("one", "PortConflict")
	e.world.SetForwards("one", vm.Forward{Protocol: "tcp", Host: "127.0.0.1:80", Guest: "127.0.0.1:80"})
	e.waitEvents("one", "PortConflict", "PortForwarded")
	e.deleteVM("default", "one")
	e.waitEvents("one", "Deleting", "Stopping×5")
}

// TestEventsAreWhatPeopleRead checks the fields that kubectl shows.
func TestEventsAreWhatPeopleRead(t *testing.T) {
	e := start(t)
	e.must(e.user.Create(context.Background(), newApp(nil)))
	app := e.settle()
	e.waitEvents("app", "WaitingForLimaVM", "Settled")
	e.patchApp(`{"spec":{"running":true}}`)
	e.settle()
	e.waitEvents("app", "Settled×2") // between them are the observed stages of the machine and its container engine
	var list corev1.EventList
	e.must(e.user.List(context.Background(), &list))
	for _, ev := range list.Items {
		if ev.InvolvedObject.Name != appv1.AppName || ev.Reason != "Settled" {
			continue
		}
		if ev.Namespace != "default" || ev.InvolvedObject.UID != app.UID || ev.InvolvedObject.Kind != "App" ||
			ev.Type != corev1.EventTypeNormal || ev.Message == "" ||
			ev.Count != 2 || ev.FirstTimestamp.IsZero() || ev.LastTimestamp.IsZero() || ev.Series.LastObservedTime.Before(&ev.EventTime) ||
			ev.Source.Component != "app" {
			t.Errorf("%+v", ev)
		}
		return
	}
	t.Fatal("no Event Settled")
}

// TestPortForwardsAreShown checks that status has the forwarded ports and the template's message
// while the machine runs.
func TestPortForwardsAreShown(t *testing.T) {
	e := start(t)
	e.makeVM("default", "one", run)
	e.waitRunning("one")
	forward := vm.Forward{Protocol: "tcp", Host: "127.0.0.1:80", Guest: "127.0.0.1:8080"}
	e.world.SetForwards("one", forward)
	e.waitVMTo("shown", "default", "one", func(vm *limav1.LimaVM) bool {
		return len(vm.Status.PortForwards) == 1 && vm.Status.PortForwards[0] == limav1.PortForward(forward)
	})
	e.patchVM("one", `{"spec":{"running":false}}`)
	down := e.waitVM("default", "one", limav1.ConditionRunning, check{reason: limav1.ReasonStopped})
	if len(down.Status.PortForwards) != 0 || down.Status.Message != "" {
		t.Fatalf("a stopped machine shows %+v", down.Status)
	}
}

// TestFlappingForwardsAreNoStorm checks that forwards that change all the time are written at most
// once a second.
func TestFlappingForwardsAreNoStorm(t *testing.T) {
	e := start(t)
	e.makeVM("default", "one", run)
	e.waitRunning("one")
	changes, err := e.user.Watch(context.Background(), &limav1.LimaVMList{})
	e.must(err)
	defer changes.Stop()
	began, writes, flaps := time.Now(), 0, 0
	for ; flaps < 2000; flaps++ {
		e.world.SetForwards(
			"one", vm.Forward{Protocol: "tcp", Host: "127.0.0.1:80", Guest: "127.0.0.1:80", Error: []string{"", "taken"}[flaps%2]},
		)
	}
	e.world.SetForwards("one")
	e.patchVM("one", `{"metadata":{"annotations":{"the":"end"}}}`)
	for ended := false; !ended; {
		obj := (<-changes.ResultChan()).Object.(*limav1.LimaVM)
		writes++
		ended = obj.Annotations["the"] == "end"
	}
	if allowed := 3 + int(time.Since(began)/time.Second); writes > allowed {
		t.Fatalf("%d writes for %d changes in %s, allowed %d", writes, flaps, time.Since(began), allowed)
	}
	e.waitVM("default", "one", limav1.ConditionRunning, check{status: metav1.ConditionTrue})
}
