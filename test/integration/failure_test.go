// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/vm"
)

// TestFailureIsAValue checks that a failure is in status.failure, with the engine's kind, until its
// cause is removed.
func TestFailureIsAValue(t *testing.T) {
	e := start(t)
	e.makeVM("default", "one", nil)
	fault := &vm.Fault{
		Kind: vm.FaultScript, Field: vm.ScriptProvision, ExitCode: 3, Output: "E: no", Text: "it failed with exit code 3: E: no",
	}
	e.world.FailOperation(vm.OperationStart, fmt.Errorf("wrapped: %w", fault), 1)
	e.patchVM("one", `{"spec":{"running":true}}`)
	failed := e.waitVMTo("failed", "default", "one", func(vm *limav1.LimaVM) bool { return vm.Status.Failure != nil })
	f := failed.Status.Failure
	if f.Operation != "start" || f.Kind != "Script" || f.Field != "provision" ||
		f.Message != "a provisioning script failed with exit code 3\nE: no" || f.At.IsZero() {
		t.Errorf("got %+v", f)
	}
	if up := e.waitRunning("one"); up.Status.Failure != nil {
		t.Errorf("a machine that runs has failed: %+v", up.Status.Failure)
	}

	e.world.FailOperation(vm.OperationStart, &vm.HostError{Missing: "kvm", Hint: "modprobe kvm"}, -1)
	e.must(e.world.KillGuest("one"))
	lacks := e.waitVM("default", "one", limav1.ConditionRunning, check{reason: limav1.ReasonStartFailed})
	if f := lacks.Status.Failure; f == nil || f.Kind != "Host" || f.Hint != "modprobe kvm" || f.Message != "this host lacks kvm" {
		t.Errorf("got %+v", f)
	}
	e.checkCauseOfDeath("one", "the guest ended by itself")
	e.patchVM("one", `{"spec":{"running":false}}`)
	down := e.waitVM("default", "one", limav1.ConditionRunning, check{reason: limav1.ReasonStopped})
	if down.Status.Failure != nil {
		t.Errorf("nobody wants it to start, and it has failed to: %+v", down.Status.Failure)
	}
}

// checkCauseOfDeath checks the cause in the Event's annotation.
func (e *env) checkCauseOfDeath(name, want string) {
	e.Helper()
	var events corev1.EventList
	e.must(e.user.List(context.Background(), &events))
	for _, event := range events.Items {
		if event.InvolvedObject.Name == name && event.Reason == limav1.EventMachineDied {
			if got := event.Annotations[limav1.AnnotationCause]; got != want {
				e.Errorf("the cause of death is %q, want %q", got, want)
			}
			return
		}
	}
	e.Errorf("no Event says that %s died", name)
}
