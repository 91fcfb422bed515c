// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/vm"
)

const (
	restartRequested = "lima.rancherdesktop.io/restartRequested"
	resetRequested   = "lima.rancherdesktop.io/resetRequested"
	forceStop        = "lima.rancherdesktop.io/forceStop"
	adoptFrom        = "lima.rancherdesktop.io/adoptFrom"
	retryRequested   = "rdd.rancherdesktop.io/retryRequested"
)

// annotate sets annotations, given as key, value, …
func (e *env) annotate(name string, pairs ...string) {
	e.Helper()
	annotations := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		annotations[pairs[i]] = pairs[i+1]
	}
	e.patchVM(name, string(encode(map[string]any{"metadata": map[string]any{"annotations": annotations}})))
}

// waitRequestsTaken waits until a LimaVM has no request annotation any more and ok returns true.
func (e *env) waitRequestsTaken(what, name string, ok func(*limav1.LimaVM) bool) *limav1.LimaVM {
	e.Helper()
	return e.waitVMTo(what, "default", name, func(vm *limav1.LimaVM) bool {
		for _, a := range []string{restartRequested, resetRequested, forceStop, adoptFrom} {
			if _, there := vm.Annotations[a]; there {
				return false
			}
		}
		return ok(vm)
	})
}

func isUp(vm *limav1.LimaVM) bool {
	return meta.IsStatusConditionTrue(vm.Status.Conditions, limav1.ConditionRunning) && !vm.Status.RestartNeeded
}

func isCreated(vm *limav1.LimaVM) bool {
	return meta.IsStatusConditionTrue(vm.Status.Conditions, limav1.ConditionCreated)
}

// countCalls returns how often a method of the engine was called.
func (e *env) countCalls(method string) int {
	n := 0
	for _, c := range e.world.Calls() {
		if c.Method == method && c.Err == nil {
			n++
		}
	}
	return n
}

// TestRestartRequests checks that a new value restarts once, that a recorded value does not, and
// that a stopped machine stays stopped.
func TestRestartRequests(t *testing.T) {
	e := start(t)
	e.makeVM("default", "one", run)
	up := e.waitRunning("one")
	e.annotate("one", restartRequested, "first")
	needed := false
	again := e.waitRequestsTaken("restarted", "one", func(vm *limav1.LimaVM) bool {
		if vm.Status.LastRestartRequest == "first" && vm.Status.RestartCount == up.Status.RestartCount {
			needed = vm.Status.RestartNeeded
			if !needed {
				t.Error("the request is noted and no restart needed")
			}
		}
		return vm.Status.RestartCount == up.Status.RestartCount+1 && isUp(vm)
	})
	if again.Status.LastRestartRequest != "first" || again.Status.ObservedTemplateHash != up.Status.ObservedTemplateHash {
		t.Fatalf("after the restart: %+v", again.Status)
	}

	e.annotate("one", restartRequested, "first")
	e.waitRequestsTaken("a known value is taken away", "one", isUp)
	e.annotate("one", restartRequested, "second")
	third := e.waitRequestsTaken(
		"restarted again", "one", func(vm *limav1.LimaVM) bool { return vm.Status.LastRestartRequest == "second" && isUp(vm) },
	)
	if third.Status.RestartCount != again.Status.RestartCount+1 {
		t.Fatalf("a known value restarted: %d starts", third.Status.RestartCount)
	}

	e.patchVM("one", `{"spec":{"running":false}}`)
	e.waitVM("default", "one", limav1.ConditionRunning, check{reason: limav1.ReasonStopped})
	starts := e.countCalls("Start")
	e.annotate("one", restartRequested, "third")
	off := e.waitRequestsTaken("noted while stopped", "one", func(vm *limav1.LimaVM) bool { return vm.Status.LastRestartRequest == "third" })
	if off.Status.RestartNeeded || e.countCalls("Start") != starts {
		t.Fatalf("a request started a stopped machine: %+v", off.Status)
	}
}

// TestResetRequests checks that the instance is deleted and created from scratch, and that it runs
// again only if it should.
func TestResetRequests(t *testing.T) {
	e := start(t)
	e.makeVM("default", "one", run)
	up := e.waitRunning("one")
	deletes := e.countCalls("Delete")
	e.annotate("one", resetRequested, "2026-01-01T00:00:01Z", restartRequested, "both")
	up2 := e.waitRequestsTaken("reset", "one", func(vm *limav1.LimaVM) bool {
		if vm.Status.LastResetRequest != "" && vm.Status.RestartCount == up.Status.RestartCount && isCreated(vm) {
			if state, _ := e.world.Peek("one"); state.Incarnation == "" {
				t.Error("noted, not carried out, and Created")
			}
		}
		return vm.Status.LastResetRequest == "2026-01-01T00:00:01Z" && isCreated(vm) && isUp(vm)
	})
	state, _ := e.world.Peek("one")
	if state.Incarnation != "2026-01-01T00:00:01Z" || up2.Status.RestartCount != up.Status.RestartCount+1 ||
		up2.Status.LastRestartRequest != "both" {
		t.Fatalf("reset and restart at once: incarnation %q, %+v", state.Incarnation, up2.Status)
	}
	if e.configMap("default", "one-template").UID == "" || e.countCalls("Delete") == deletes {
		t.Fatal("nothing was deleted")
	}

	e.annotate("one", resetRequested, "2026-01-01T00:00:01Z")
	e.waitRequestsTaken("a known value is taken away", "one", isUp)
	if state, _ := e.world.Peek("one"); state.StartID != up2.Status.LastStartID {
		t.Fatal("a known value reset the machine")
	}

	e.patchVM("one", `{"spec":{"running":false}}`)
	e.waitVM("default", "one", limav1.ConditionRunning, check{reason: limav1.ReasonStopped})
	starts := e.countCalls("Start")
	e.annotate("one", resetRequested, "2026-01-01T00:00:02Z")
	e.waitRequestsTaken("reset while stopped", "one", func(vm *limav1.LimaVM) bool {
		state, _ := e.world.Peek("one")
		return vm.Status.LastResetRequest == "2026-01-01T00:00:02Z" && isCreated(vm) && state.Incarnation == vm.Status.LastResetRequest
	})
	if e.countCalls("Start") != starts {
		t.Fatal("a reset started a stopped machine")
	}
}

// TestRequestsHaveNoOrder checks that neither a date in the far future nor any other value is in
// the way of the next request, for each kind of request.
func TestRequestsHaveNoOrder(t *testing.T) {
	e := start(t)
	e.makeVM("default", "one", run)
	e.waitRunning("one")
	values := []string{
		"2099-12-31T23:59:59Z", "2026-01-01T00:00:00Z", "zzz", "0", "2026-01-01T00:00:00Z", "~~~~", "1970-01-01T00:00:00.000000001Z",
	}
	for i, value := range values {
		deletes, starts := e.countCalls("Delete"), e.countCalls("Start")
		e.annotate("one", resetRequested, value)
		e.waitRequestsTaken("reset "+value, "one", func(vm *limav1.LimaVM) bool {
			state, _ := e.world.Peek("one")
			return vm.Status.LastResetRequest == value && state.Incarnation == value && isCreated(vm) && isUp(vm)
		})
		if e.countCalls("Delete") == deletes || e.countCalls("Start") == starts {
			t.Fatalf("reset %d, %q, was not carried out", i, value)
		}
		before := e.limaVM("default", "one").Status.RestartCount
		e.annotate("one", restartRequested, value)
		e.waitRequestsTaken("restart "+value, "one", func(vm *limav1.LimaVM) bool {
			return vm.Status.LastRestartRequest == value && vm.Status.RestartCount == before+1 && isUp(vm)
		})
	}
	lacking := &vm.HostError{Missing: "qemu-system-x86_64", Hint: "install it"}
	for _, value := range values {
		e.patchVM("one", `{"spec":{"running":false}}`)
		e.waitVM("default", "one", limav1.ConditionRunning, check{reason: limav1.ReasonStopped})
		e.world.FailOperation(vm.OperationStart, lacking, 1)
		e.patchVM("one", `{"spec":{"running":true}}`)
		e.waitVM("default", "one", limav1.ConditionRunning, check{reason: limav1.ReasonStartFailed})
		e.annotate("one", retryRequested, value)
		e.waitRunning("one")
	}
	for _, value := range values {
		e.world.FailOperation(vm.OperationStop, &vm.HostError{Missing: "QMP", Hint: "wait"}, 1)
		e.patchVM("one", `{"spec":{"running":false}}`)
		e.waitVM("default", "one", limav1.ConditionRunning, check{reason: limav1.ReasonStopFailed})
		e.annotate("one", forceStop, value)
		e.waitVM("default", "one", limav1.ConditionRunning, check{reason: limav1.ReasonStopped})
		e.patchVM("one", `{"spec":{"running":true}}`)
		e.waitRunning("one")
	}
}

// TestAnOldStatusCostsNoDisk checks that an instance is kept that was created for a later reset
// than the status has, which was restored from a backup.
func TestAnOldStatusCostsNoDisk(t *testing.T) {
	e := start(t)
	e.makeVM("default", "one", nil)
	e.annotate("one", resetRequested, "2026-01-01T00:00:02Z")
	e.waitRequestsTaken("reset", "one", func(vm *limav1.LimaVM) bool { return vm.Status.LastResetRequest != "" && isCreated(vm) })
	deletes := e.countCalls("Delete")
	for _, old := range []string{``, `2026-01-01T00:00:01Z`} {
		status := newVM("default", "one", "", nil)
		e.must(e.as("system:rdd:controller:limavm").Status().Patch(
			context.Background(), status, mergePatch(`{"status":{"lastResetRequest":"`+old+`"}}`),
		))
		e.waitVMTo(
			"the status is corrected", "default", "one",
			func(vm *limav1.LimaVM) bool { return vm.Status.LastResetRequest == "2026-01-01T00:00:02Z" },
		)
	}
	if e.countCalls("Delete") != deletes {
		t.Fatal("a status from before the reset deleted the instance")
	}
}

// TestForceStop checks that a guest that does not shut down is killed, and that the annotation is
// removed.
func TestForceStop(t *testing.T) {
	e := start(t)
	e.makeVM("default", "one", run)
	e.waitRunning("one")
	e.world.Hold("one")
	e.patchVM("one", `{"spec":{"running":false}}`)
	e.waitVM("default", "one", limav1.ConditionRunning, check{reason: limav1.ReasonStopping})
	stops := e.countCalls("Stop")
	e.annotate("one", forceStop, time.Now().Format(time.RFC3339Nano))
	if !eventually(context.Background(), func() bool { return e.countCalls("Stop") > stops }) {
		t.Fatal("the shutdown is not overtaken")
	}
	e.world.Release("one")
	e.waitRequestsTaken("stopped by force", "one", func(vm *limav1.LimaVM) bool {
		c := meta.FindStatusCondition(vm.Status.Conditions, limav1.ConditionRunning)
		return c.Reason == limav1.ReasonStopped
	})
	e.patchVM("one", `{"spec":{"running":true}}`)
	e.waitRunning("one")
	e.annotate("one", forceStop, "by mistake")
	e.waitRequestsTaken("what is not to stop loses the annotation", "one", isUp)
}

// TestAdoption checks that a LimaVM adopts an unclaimed directory, but not while the former owner
// exists.
func TestAdoption(t *testing.T) {
	e := start(t)
	owner := vm.Owner{UID: "0000-gone", Namespace: "default", Name: "one"}
	engine := e.world.Open()
	e.must(engine.Apply(
		context.Background(), vm.Spec{Name: "one", Owner: owner, Template: []byte(validTemplate), Revision: "theirs", Incarnation: "old"},
	))
	if !eventually(context.Background(), func() bool { s, _ := e.world.Peek("one"); return s.Phase == vm.PhaseStopped }) {
		t.Fatal("the directory is not made")
	}
	adopting := func(uid string) func(*limav1.LimaVM) {
		return func(vm *limav1.LimaVM) { vm.Annotations = map[string]string{adoptFrom: uid} }
	}
	source := newConfigMap("default", "s", map[string]string{"template": validTemplate})
	e.must(e.create(source))
	e.must(e.create(newVM("default", "one", "s", adopting("0000-another"))))
	e.waitVM("default", "one", limav1.ConditionCreated, check{status: metav1.ConditionFalse, reason: limav1.ReasonNameTaken})
	e.deleteVM("default", "one")
	e.must(e.create(newVM("default", "one", "s", adopting("0000-gone"))))
	e.waitRequestsTaken("adopted", "one", isCreated)
	state, _ := e.world.Peek("one")
	if got := e.limaVM("default", "one"); state.Owner.UID != string(got.UID) || state.Incarnation != "" {
		t.Fatalf("the instance is %+v", state)
	}
	e.waitEvents("one", "Adopted")

	e.must(e.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "other"}}))
	living := e.limaVM("default", "one")
	thief := newVM("other", "one", "s", adopting(string(living.UID)))
	thief.Spec.TemplateRef.Namespace = "default"
	e.mustRefuse(e.create(thief), "already used")
}

func mergePatch(text string) client.Patch {
	return client.RawPatch("application/merge-patch+json", []byte(text))
}

// eventsOf returns a LimaVM's Events as "Reason×count", in the order of their last time.
func (e *env) eventsOf(name string) []string {
	e.Helper()
	var list corev1.EventList
	e.must(e.user.List(context.Background(), &list))
	last := func(ev corev1.Event) time.Time {
		if ev.Series != nil {
			return ev.Series.LastObservedTime.Time
		}
		return ev.EventTime.Time
	}
	slices.SortFunc(list.Items, func(a, b corev1.Event) int { return last(a).Compare(last(b)) })
	var all []string
	for _, ev := range list.Items {
		if ev.InvolvedObject.Name == name {
			text := ev.Reason
			if ev.Count > 1 {
				text += fmt.Sprintf("×%d", ev.Count)
			}
			all = append(all, text)
		}
	}
	return all
}

// waitEvents waits until the last Events of an object are these.
func (e *env) waitEvents(name string, want ...string) {
	e.Helper()
	e.wait("Events "+strings.Join(want, ", "), &corev1.EventList{}, func() (bool, string) {
		got := e.eventsOf(name)
		return len(got) >= len(want) && slices.Equal(got[len(got)-len(want):], want), strings.Join(got, ", ")
	})
}
