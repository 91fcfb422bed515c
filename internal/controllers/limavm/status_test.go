// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
	"rancherdesktop.io/rdd/internal/vm"
)

var now = time.Unix(1_700_000_000, 0)

// scene describes what a pass has observed.
type scene struct {
	wanted, deleting bool
	unobserved       bool // the engine did not answer
	unread           bool // the pass ended before the template was read
	state            *vm.State
	outcome          reconcile.Outcome
}

func (c scene) scope() *scope {
	s := &scope{vm: &limav1.LimaVM{}, now: now, observed: !c.unobserved, state: c.state, outcome: c.outcome, revision: "new", hash: "new"}
	if c.unread {
		s.revision, s.hash = "", ""
	}
	s.vm.Generation, s.vm.Spec.Running = 7, c.wanted
	if c.deleting {
		s.vm.DeletionTimestamp = new(metav1.NewTime(now))
	}
	if c.unread {
		return s
	}
	s.template = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "vm-template", ResourceVersion: "42"}}
	return s
}

func on(phase vm.Phase) *vm.State {
	return &vm.State{Phase: phase, Revision: "new", RunningRevision: "new"}
}
func off(operation vm.Operation, text string) *vm.State {
	s := &vm.State{Phase: vm.PhaseStopped, Revision: "new"}
	if text != "" {
		s.Failure = &vm.Failure{Operation: operation, Fault: &vm.Fault{Kind: vm.FaultUnknown, Text: text}, At: now}
	}
	return s
}

func with(s *vm.State, change func(*vm.State)) *vm.State {
	change(s)
	return s
}

func TestConditions(t *testing.T) {
	progress := func(s *vm.State) { s.Progress = vm.Progress{Step: "building image", Index: 3, Total: 5, Percent: 42} }
	failed := func(o vm.Operation) func(*vm.State) {
		return func(s *vm.State) {
			s.Failure = &vm.Failure{Operation: o, Fault: &vm.Fault{Kind: vm.FaultUnknown, Text: "boom"}, At: now}
		}
	}
	lost := func(s *vm.State) {
		s.Failure = &vm.Failure{Operation: vm.OperationStart, Fault: &vm.Fault{Kind: vm.FaultBroken, Text: "it is missing"}}
	}
	for name, test := range map[string]struct {
		scene
		created, running string // status/reason/message
	}{
		"nothing yet": {
			scene{outcome: reconcile.Wait("making the instance", 0)}, "Unknown/Pending/making the instance",
			"Unknown/Reconciling/making the instance",
		},
		"not seen": {
			scene{unobserved: true, outcome: reconcile.Retry(errors.New("boom"))}, "Unknown/Pending/trying again: boom",
			"Unknown/Reconciling/trying again: boom",
		},
		"creating": {
			scene{state: with(&vm.State{Phase: vm.PhaseCreating}, progress)}, "Unknown/Pending/building image 3/5 42%",
			"Unknown/Reconciling/building image 3/5 42%",
		},
		"source invalid": {
			scene{outcome: reconcile.Stalled("CreateFailed", "field `arch`")}, "False/CreateFailed/field `arch`", "Unknown/Reconciling/field `arch`",
		},
		"name taken": {scene{outcome: reconcile.Stalled("NameTaken", "taken")}, "False/NameTaken/taken", "Unknown/Reconciling/taken"},
		"creation failed": {
			scene{state: with(&vm.State{Phase: vm.PhaseIncomplete}, failed(vm.OperationCreate))}, "False/CreateFailed/boom", "Unknown/Reconciling/",
		},
		"broken": {
			scene{state: on(vm.PhaseBroken), outcome: reconcile.Stalled("CreateFailed", "broken")}, "False/CreateFailed/broken",
			"Unknown/Reconciling/broken",
		},
		"stopped":               {scene{state: off("", "")}, "True/Created/", "False/Stopped/"},
		"stopped after a crash": {scene{state: off(vm.OperationRun, "died")}, "True/Created/", "False/Stopped/"},
		"about to start": {
			scene{wanted: true, state: off("", ""), outcome: reconcile.Wait("busy", 1)}, "True/Created/", "False/Starting/busy",
		},
		"starting": {
			scene{wanted: true, state: with(on(vm.PhaseStarting), func(s *vm.State) { s.Progress = vm.Progress{Step: "booting", Percent: -1} })},
			"True/Created/", "False/Starting/booting",
		},
		"running": {scene{wanted: true, state: on(vm.PhaseRunning)}, "True/Created/", "True/Started/"},
		"running without its base": {
			scene{wanted: true, state: with(on(vm.PhaseRunning), lost)}, "True/Created/", "True/Started/the next start will fail: it is missing",
		},
		"running with failed units": {
			scene{wanted: true, state: with(on(vm.PhaseRunning), func(s *vm.State) {
				s.FailedUnits = []vm.FailedUnit{{Name: "containerd.service", Reason: "exit code 1"}, {Name: "docker.socket"}}
			})},
			"True/Created/", "True/Started/failed in the guest: containerd.service (exit code 1), docker.socket",
		},
		"start failed": {scene{wanted: true, state: off(vm.OperationStart, "panic")}, "True/Created/", "False/StartFailed/panic"},
		"start impossible": {
			scene{wanted: true, state: off("", ""), outcome: reconcile.Stalled("StartFailed", "no qemu")}, "True/Created/",
			"False/StartFailed/no qemu",
		},
		"died": {
			scene{wanted: true, state: off(vm.OperationRun, "killed")}, "True/Created/",
			"False/Starting/the machine ended by itself and is started again: killed",
		},
		"stopping": {
			scene{state: on(vm.PhaseStopping), outcome: reconcile.Wait("stopping", 0)}, "True/Created/", "False/Stopping/stopping",
		},
		"stop failed": {scene{state: with(on(vm.PhaseRunning), failed(vm.OperationStop))}, "True/Created/", "False/StopFailed/boom"},
		"old failure to stop": {
			scene{wanted: true, state: with(on(vm.PhaseRunning), failed(vm.OperationStop))}, "True/Created/", "True/Started/",
		},
		"deleting": {
			scene{deleting: true, wanted: true, state: on(vm.PhaseDeleting), outcome: reconcile.Wait("deleting", 0)}, "True/Created/",
			"False/Stopping/deleting",
		},
		"deletion failed": {
			scene{deleting: true, wanted: true, state: with(off("", ""), failed(vm.OperationDelete))}, "True/Created/", "False/StopFailed/boom",
		},
		"deleted from disk": {
			scene{deleting: true, wanted: true, outcome: reconcile.Wait("template", 0)}, "Unknown/Pending/template", "False/Stopped/template",
		},
	} {
		t.Run(name, func(t *testing.T) {
			st := status(test.scope())
			for i, want := range []string{test.created, test.running} {
				c := st.Conditions[i]
				if got := string(c.Status) + "/" + c.Reason + "/" + c.Message; got != want || c.ObservedGeneration != 7 {
					t.Errorf("%s: got %q, generation %d, want %q", c.Type, got, c.ObservedGeneration, want)
				}
			}
		})
	}
}

// TestInstanceMade: what was complete is lost when it is not there, until a reset is requested.
func TestInstanceMade(t *testing.T) {
	asked := func(value string) func(*limav1.LimaVM) {
		return func(v *limav1.LimaVM) { v.Annotations = map[string]string{limav1.AnnotationResetRequested: value} }
	}
	damaged := &vm.State{Phase: vm.PhaseBroken, Damaged: true}
	for name, test := range map[string]struct {
		scene
		before     bool
		change     func(*limav1.LimaVM)
		made, lost bool
	}{
		"never made":                 {scene{}, false, nil, false, false},
		"being made":                 {scene{state: &vm.State{Phase: vm.PhaseCreating}}, false, nil, false, false},
		"complete":                   {scene{state: off("", "")}, false, nil, true, false},
		"edited by hand":             {scene{state: &vm.State{Phase: vm.PhaseStopped}}, true, nil, true, false},
		"broken":                     {scene{state: &vm.State{Phase: vm.PhaseBroken}}, true, nil, true, false},
		"damaged":                    {scene{state: damaged}, true, nil, true, false},
		"gone":                       {scene{}, true, nil, true, true},
		"the engine does not answer": {scene{unobserved: true}, true, nil, true, false},
		"gone, and reset":            {scene{}, true, asked("1"), true, false},
		"reset":                      {scene{state: off("", "")}, true, asked("1"), true, false},
		"damaged, and reset":         {scene{state: damaged}, true, asked("1"), true, false},
	} {
		s := test.scope()
		s.vm.Status.InstanceMade = test.before
		if test.change != nil {
			test.change(s.vm)
		}
		if st := status(s); st.InstanceMade != test.made || s.lost() != test.lost || st.InstanceReset != "" {
			t.Errorf("%s: made %t, lost %t", name, st.InstanceMade, s.lost())
		}
	}
	older := scene{}.scope()
	older.vm.Status.Conditions = []metav1.Condition{{Type: limav1.ConditionCreated, Status: metav1.ConditionTrue}}
	if !older.lost() {
		t.Error("the status of an older rdd does not count")
	}
	older.foreign = &vm.State{Phase: vm.PhaseBroken}
	if !older.lost() {
		t.Error("a directory that nobody made, such as a mount point, counts as somebody's")
	}
	older.foreign.Owner.UID = "another"
	if older.lost() {
		t.Error("another LimaVM's directory is no loss")
	}
}

func TestConditionsStayWhenTheEngineDoesNotAnswer(t *testing.T) {
	s := scene{wanted: true, state: on(vm.PhaseRunning)}.scope()
	s.vm.Status = status(s)
	blind := scene{unobserved: true, outcome: reconcile.Retry(errors.New("boom"))}.scope()
	blind.vm.Status, blind.vm.Generation = s.vm.Status, 8
	for _, c := range status(blind).Conditions {
		if c.Status != metav1.ConditionTrue || c.ObservedGeneration != 7 {
			t.Errorf("%+v: that was never seen", c)
		}
	}
}

func TestTemplateInForce(t *testing.T) {
	for name, test := range map[string]struct {
		wanted, before bool
		state          *vm.State
		needed         bool
		version        string
	}{
		"stopped takes it at once":    {false, false, off("", ""), false, "42"},
		"not on disk yet":             {false, false, &vm.State{Phase: vm.PhaseStopped, Revision: "old"}, false, "41"},
		"runs it":                     {true, false, on(vm.PhaseRunning), false, "42"},
		"runs the old one":            {true, false, with(on(vm.PhaseRunning), func(s *vm.State) { s.RunningRevision = "old" }), true, "41"},
		"is being stopped for it":     {true, true, with(on(vm.PhaseStopping), func(s *vm.State) { s.RunningRevision = "old" }), true, "41"},
		"between stop and start":      {true, true, off("", ""), true, "41"},
		"starts into it":              {true, true, on(vm.PhaseStarting), true, "41"},
		"has started into it":         {true, true, on(vm.PhaseRunning), false, "42"},
		"no longer wanted to run":     {false, true, off("", ""), false, "42"},
		"first start needs no second": {true, false, on(vm.PhaseStarting), false, "42"},
	} {
		s := scene{wanted: test.wanted, state: test.state}.scope()
		s.vm.Status.ObservedTemplateResourceVersion, s.vm.Status.RestartNeeded = "41", test.before
		if st := status(s); st.RestartNeeded != test.needed || st.ObservedTemplateResourceVersion != test.version {
			t.Errorf("%s: restartNeeded %v, version %s", name, st.RestartNeeded, st.ObservedTemplateResourceVersion)
		}
	}
}

func TestStartsAreCountedOnce(t *testing.T) {
	s := scene{wanted: true, state: on(vm.PhaseStarting)}.scope()
	for _, step := range []struct {
		phase vm.Phase
		id    string
		count int64
	}{
		{vm.PhaseStarting, "a", 0}, {vm.PhaseRunning, "a", 1}, {vm.PhaseRunning, "a", 1}, {vm.PhaseStarting, "b", 1}, {vm.PhaseRunning, "b", 2},
	} {
		s.state.Phase, s.state.StartID = step.phase, step.id
		if s.vm.Status = status(s); s.vm.Status.RestartCount != step.count {
			t.Errorf("%+v: counted %d", step, s.vm.Status.RestartCount)
		}
	}
}

func TestStatusThrottle(t *testing.T) {
	var throttle statusThrottle
	have := &limav1.LimaVM{}
	have.UID = "u"
	message := func(text string, status metav1.ConditionStatus) limav1.LimaVMStatus {
		return limav1.LimaVMStatus{Conditions: []metav1.Condition{{Type: "T", Status: status, Message: text}}}
	}
	have.Status = message("1%", "False")
	for _, test := range []struct {
		name string
		want limav1.LimaVMStatus
		at   time.Duration
		wait time.Duration
	}{
		{"no change", have.Status, 0, 0},
		{"first message", message("2%", "False"), 0, 0},
		{"another at once", message("3%", "False"), 100 * time.Millisecond, 900 * time.Millisecond},
		{"what matters is never held back", message("4%", "True"), 200 * time.Millisecond, 0},
		{"a second later", message("5%", "False"), 1300 * time.Millisecond, 0},
	} {
		if wait := throttle.delay(have, test.want, now.Add(test.at)); wait != test.wait {
			t.Errorf("%s: wait %s, want %s", test.name, wait, test.wait)
		}
	}
}
