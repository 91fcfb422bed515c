// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/session"
)

// vmIn makes a LimaVM of generation 2 for predicates.
func vmIn(running bool, status limav1.LimaVMStatus, conditions ...metav1.Condition) *limav1.LimaVM {
	status.Conditions = conditions
	return &limav1.LimaVM{
		ObjectMeta: metav1.ObjectMeta{Name: "dev", Generation: 2},
		Spec:       limav1.LimaVMSpec{Running: running}, Status: status,
	}
}

func TestRequestPredicates(t *testing.T) {
	made := condition(limav1.ConditionCreated, metav1.ConditionTrue, limav1.ReasonCreated, "")
	up := condition(limav1.ConditionRunning, metav1.ConditionTrue, limav1.ReasonStarted, "")
	down := condition(limav1.ConditionRunning, metav1.ConditionFalse, limav1.ReasonStopped, "")
	starting := condition(limav1.ConditionRunning, metav1.ConditionFalse, limav1.ReasonStarting, "booting")
	failed := condition(limav1.ConditionRunning, metav1.ConditionFalse, limav1.ReasonStartFailed, "boom")
	refused := condition(limav1.ConditionCreated, metav1.ConditionFalse, limav1.ReasonCreateFailed, "field `disk`")
	old := up
	old.ObservedGeneration = 1
	type status = limav1.LimaVMStatus
	moved := func(vm *limav1.LimaVM) bool { return vm.Status.ObservedTemplateHash == "new" }
	for _, tt := range []struct {
		name  string
		until session.Predicate
		vm    *limav1.LimaVM
		want  session.Result
		err   string
	}{
		{
			"restarted", VMRestarted("r", 3), vmIn(true, status{LastRestartRequest: "r", RestartCount: 4}, made, up), session.Result{Done: true}, "",
		},
		{
			"restart unheard", VMRestarted("r", 3), vmIn(true, status{RestartCount: 3}, made, up),
			session.Result{Why: "waiting for the LimaVM controller", Unobserved: true}, "",
		},
		{
			"restart heard", VMRestarted("r", 3), vmIn(true, status{LastRestartRequest: "r", RestartNeeded: true, RestartCount: 3}, made, up),
			session.Result{Why: "waiting for the restart"}, "",
		},
		{
			"not counted yet", VMRestarted("r", 3), vmIn(true, status{LastRestartRequest: "r", RestartCount: 3}, made, up),
			session.Result{Why: "waiting for the restart"}, "",
		},
		{
			"restarting", VMRestarted("r", 3), vmIn(true, status{LastRestartRequest: "r", RestartCount: 3}, made, starting),
			session.Result{Why: "booting"}, "",
		},
		{
			"restart fails", VMRestarted("r", 3), vmIn(true, status{LastRestartRequest: "r", RestartCount: 3}, made, failed),
			session.Result{Why: "boom", Failed: "StartFailed: boom"}, "",
		},
		{
			"stopped meanwhile", VMRestarted("r", 3), vmIn(false, status{LastRestartRequest: "r"}, made, down), session.Result{},
			"its spec.running is false now",
		},

		{"taken up", VMUpToDate(moved), vmIn(true, status{ObservedTemplateHash: "new"}, made, up), session.Result{Done: true}, ""},
		{"taken up, stopped", VMUpToDate(moved), vmIn(false, status{ObservedTemplateHash: "new"}, made, down), session.Result{Done: true}, ""},
		{
			"not taken up", VMUpToDate(moved), vmIn(true, status{ObservedTemplateHash: "old"}, made, up),
			session.Result{Why: "waiting for the LimaVM controller", Unobserved: true}, "",
		},
		{
			"refused by the engine", VMUpToDate(moved), vmIn(true, status{ObservedTemplateHash: "old"}, refused, up),
			session.Result{Why: "field `disk`", Failed: "CreateFailed: field `disk`"}, "",
		},
		{
			"fails to start with it", VMUpToDate(moved), vmIn(true, status{ObservedTemplateHash: "old"}, made, failed),
			session.Result{Why: "boom", Failed: "StartFailed: boom"}, "",
		},
		{
			"not looked at", VMUpToDate(moved), vmIn(true, status{ObservedTemplateHash: "new"}, made, old),
			session.Result{Why: "waiting for the LimaVM controller", Unobserved: true}, "",
		},

		{"adopted", VMAdopted(), vmIn(false, status{}), session.Result{Done: true}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.until(tt.vm)
			if got != tt.want || (err == nil) != (tt.err == "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
	claiming := vmIn(false, status{})
	claiming.Annotations = map[string]string{limav1.AnnotationAdoptFrom: "u"}
	if got, err := VMAdopted()(claiming); got.Done || err != nil {
		t.Errorf("while it is being adopted: %+v, %v", got, err)
	}
	if _, err := VMUpToDate(moved)(nil); err == nil {
		t.Error("a wait for a LimaVM that is gone goes on")
	}
}

func testVM(running bool, conditions ...metav1.Condition) *limav1.LimaVM {
	return &limav1.LimaVM{
		ObjectMeta: metav1.ObjectMeta{Name: "dev", UID: "uid", Generation: 2},
		Spec:       limav1.LimaVMSpec{Running: running},
		Status:     limav1.LimaVMStatus{Conditions: conditions},
	}
}

func TestLimaVMPredicates(t *testing.T) {
	created := condition("Created", metav1.ConditionTrue, "Created", "")
	building := condition("Created", metav1.ConditionUnknown, "Pending", "building image 3/5 … 42%")
	taken := condition("Created", metav1.ConditionFalse, "NameTaken", "the directory is in the way")
	started := condition("Running", metav1.ConditionTrue, "Started", "")
	stopping := condition("Running", metav1.ConditionFalse, "Stopping", "shutting down")
	stopped := condition("Running", metav1.ConditionFalse, "Stopped", "")
	stopFailed := condition("Running", metav1.ConditionFalse, "StopFailed", "QEMU does not end")
	olderStarted := started
	olderStarted.ObservedGeneration = 1
	tests := []struct {
		name   string
		until  session.Predicate
		object *limav1.LimaVM
		want   session.Result
	}{
		{"run: not seen", VMRunning(true, 2), testVM(true), session.Result{Why: "waiting for the LimaVM controller", Unobserved: true}},
		{"run: building", VMRunning(true, 2), testVM(true, building), session.Result{Why: "building image 3/5 … 42%"}},
		{
			"run: name taken", VMRunning(true, 2), testVM(true, taken),
			session.Result{Why: "the directory is in the way", Failed: "NameTaken: the directory is in the way"},
		},
		{"run: started", VMRunning(true, 2), testVM(true, created, started), session.Result{Done: true}},
		{
			"run: started before the change", VMRunning(true, 2), testVM(true, created, olderStarted),
			session.Result{Why: "waiting for the LimaVM controller", Unobserved: true},
		},
		{"stop: stopping", VMRunning(false, 2), testVM(false, created, stopping), session.Result{Why: "shutting down"}},
		{"stop: stopped", VMRunning(false, 2), testVM(false, created, stopped), session.Result{Done: true}},
		{
			"stop: failed", VMRunning(false, 2), testVM(false, created, stopFailed),
			session.Result{Why: "QEMU does not end", Failed: "StopFailed: QEMU does not end"},
		},
		{"create: building", VMCreated(), testVM(false, building), session.Result{Why: "building image 3/5 … 42%"}},
		{"create: created", VMCreated(), testVM(false, created), session.Result{Done: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.until(tt.object)
			if err != nil || got != tt.want {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}
