// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
	"rancherdesktop.io/rdd/internal/vm"
)

// parseConditions reads conditions like "Running=False/Starting/message".
func parseConditions(texts ...string) []metav1.Condition {
	var all []metav1.Condition
	for _, text := range texts {
		parts := strings.SplitN(text, "/", 3)
		name, status, _ := strings.Cut(parts[0], "=")
		c := metav1.Condition{Type: name, Status: metav1.ConditionStatus(status), Reason: parts[1], ObservedGeneration: 7}
		if len(parts) > 2 {
			c.Message = parts[2]
		}
		all = append(all, c)
	}
	return all
}

// render returns events as "Reason" or "!Reason message".
func render(events []reconcile.Event) []string {
	var all []string
	for _, e := range events {
		if e.Warning {
			all = append(all, "!"+e.Reason+" "+e.Message)
		} else {
			all = append(all, e.Reason)
		}
	}
	return all
}

func TestEvents(t *testing.T) {
	died := off(vm.OperationRun, "killed")
	broke := off(vm.OperationStart, "panic")
	asking := func(annotation, value string) func(*scope) {
		return func(s *scope) { s.vm.Annotations = map[string]string{annotation: value} }
	}
	forwards := func(err string) func(*vm.State) {
		return func(s *vm.State) {
			s.Forwards = []vm.Forward{
				{Protocol: "tcp", Guest: "10.0.2.15:81", Error: "on an address of the guest's own"}, // no conflict
				{Protocol: "tcp", Host: "127.0.0.1:80", Guest: "127.0.0.1:80", Error: err},
			}
		}
	}
	full := func(s *vm.State) { s.Pause = &vm.Pause{Reason: vm.PauseDiskFull, Text: "5 more"} }
	failing := func(s *vm.State) { s.FailedUnits = []vm.FailedUnit{{Name: "docker.service", Reason: "exit code 1"}} }
	const created, pending = "Created=True/Created", "Created=Unknown/Pending"
	for name, test := range map[string]struct {
		scene
		had    limav1.LimaVMStatus
		change func(*scope)
		want   string
	}{
		"appears": {scene: scene{outcome: reconcile.Wait("", 0)}, want: "Creating"},
		"goes on being made": {
			scene: scene{state: &vm.State{Phase: vm.PhaseCreating}},
			had:   limav1.LimaVMStatus{Conditions: parseConditions(pending, "Running=Unknown/Reconciling")},
		},
		"is made": {
			scene: scene{state: off("", "")}, had: limav1.LimaVMStatus{Conditions: parseConditions(
				pending, "Running=Unknown/Reconciling",
			)}, want: "Created",
		},
		"is adopted": {
			scene: scene{state: off("", "")}, had: limav1.LimaVMStatus{Conditions: parseConditions(pending, "Running=Unknown/Reconciling")},
			change: asking(limav1.AnnotationAdoptFrom, "u"), want: "Adopted",
		},
		"is renamed": {
			scene: scene{state: off("", "")}, had: limav1.LimaVMStatus{Conditions: parseConditions(pending, "Running=Unknown/Reconciling")},
			change: asking(limav1.AnnotationRenameFrom, "dev"), want: "Renamed",
		},
		"cannot be made": {
			scene: scene{outcome: reconcile.Stalled("CreateFailed", "no")}, had: limav1.LimaVMStatus{Conditions: parseConditions(pending)},
			want: "!CreateFailed no",
		},
		"name taken": {
			scene: scene{
				outcome: reconcile.Stalled("NameTaken", "no"),
			}, had: limav1.LimaVMStatus{Conditions: parseConditions(pending)}, want: "!NameTaken no",
		},
		"still cannot": {
			scene: scene{outcome: reconcile.Stalled("CreateFailed", "no")},
			had:   limav1.LimaVMStatus{Conditions: parseConditions("Created=False/CreateFailed/no")},
		},
		"cannot for more": {
			scene: scene{outcome: reconcile.Stalled("CreateFailed", "no!")},
			had:   limav1.LimaVMStatus{Conditions: parseConditions("Created=False/CreateFailed/no")}, want: "!CreateFailed no!",
		},
		"is tried again": {
			scene: scene{state: &vm.State{Phase: vm.PhaseCreating}},
			had: limav1.LimaVMStatus{
				Conditions: parseConditions("Created=False/CreateFailed/no", "Running=Unknown/Reconciling"),
			}, want: "Creating",
		},
		"edit refused": {
			scene: scene{
				wanted: true, state: with(on(vm.PhaseRunning), func(s *vm.State) { s.Revision, s.RunningRevision = "old", "old" }),
				outcome: reconcile.Stalled("CreateFailed", "field `disk` …"),
			},
			had: limav1.LimaVMStatus{Conditions: parseConditions(created, "Running=True/Started")}, want: "!CreateFailed field `disk` …",
		},
		"edit taken back": {
			scene: scene{wanted: true, state: on(vm.PhaseRunning)},
			had: limav1.LimaVMStatus{
				ObservedTemplateResourceVersion: "42", Conditions: parseConditions("Created=False/CreateFailed/x", "Running=True/Started"),
			},
			want: "Created",
		},
		"is to start": {
			scene: scene{wanted: true, state: off("", ""), outcome: reconcile.Wait("", 1)},
			had:   limav1.LimaVMStatus{Conditions: parseConditions(created, "Running=False/Stopped")}, want: "Starting",
		},
		"is up": {
			scene: scene{wanted: true, state: with(on(vm.PhaseRunning), func(s *vm.State) { s.StartID = "1" })},
			had:   limav1.LimaVMStatus{Conditions: parseConditions(created, "Running=False/Starting")}, want: "Started",
		},
		"stays up": {
			scene: scene{wanted: true, state: with(on(vm.PhaseRunning), func(s *vm.State) { s.StartID = "1" })},
			had:   limav1.LimaVMStatus{LastStartID: "1", RestartCount: 1, Conditions: parseConditions(created, "Running=True/Started")},
		},
		"restarted unobserved": {
			scene: scene{wanted: true, state: with(on(vm.PhaseRunning), func(s *vm.State) { s.StartID = "2" })},
			had: limav1.LimaVMStatus{
				LastStartID: "1", RestartCount: 1, Conditions: parseConditions(created, "Running=True/Started"),
			}, want: "Started",
		},
		"is paused": {
			scene: scene{wanted: true, state: with(on(vm.PhaseRunning), full)},
			had:   limav1.LimaVMStatus{Conditions: parseConditions(created, "Running=True/Started")}, want: "!HostDiskFull 5 more",
		},
		"stays paused, and less is missing": {
			scene: scene{wanted: true, state: with(on(vm.PhaseRunning), full)},
			had:   limav1.LimaVMStatus{Conditions: parseConditions(created, "Running=False/HostDiskFull/7 more")},
		},
		"is paused for another reason": {
			scene: scene{wanted: true, state: with(on(vm.PhaseRunning), full)},
			had:   limav1.LimaVMStatus{Conditions: parseConditions(created, "Running=False/Paused/by somebody")}, want: "!HostDiskFull 5 more",
		},
		"goes on": {
			scene: scene{wanted: true, state: on(vm.PhaseRunning)},
			had:   limav1.LimaVMStatus{Conditions: parseConditions(created, "Running=False/HostDiskFull/5 more")}, want: "Resumed",
		},
		"goes on booting": {
			scene: scene{wanted: true, state: on(vm.PhaseStarting)},
			had:   limav1.LimaVMStatus{Conditions: parseConditions(created, "Running=False/HostDiskFull/5 more")}, want: "Resumed",
		},
		"goes on, and is up": {
			scene: scene{wanted: true, state: with(on(vm.PhaseRunning), func(s *vm.State) { s.StartID = "1" })},
			had:   limav1.LimaVMStatus{Conditions: parseConditions(created, "Running=False/HostDiskFull/5 more")}, want: "Started",
		},
		"is to stop while it is paused": {
			scene: scene{state: on(vm.PhaseStopping)},
			had:   limav1.LimaVMStatus{Conditions: parseConditions(created, "Running=False/HostDiskFull/5 more")}, want: "Stopping",
		},
		"is to stop": {
			scene: scene{state: on(vm.PhaseStopping)}, had: limav1.LimaVMStatus{Conditions: parseConditions(
				created, "Running=True/Started",
			)}, want: "Stopping",
		},
		"is down": {
			scene: scene{state: off("", "")}, had: limav1.LimaVMStatus{Conditions: parseConditions(
				created, "Running=False/Stopping",
			)}, want: "Stopped",
		},
		"cannot start": {
			scene: scene{wanted: true, state: broke}, had: limav1.LimaVMStatus{Conditions: parseConditions(created, "Running=False/Starting")},
			want: "!StartFailed panic",
		},
		"cannot stop": {scene: scene{state: with(on(vm.PhaseRunning), func(s *vm.State) {
			s.Failure = &vm.Failure{Operation: vm.OperationStop, Fault: &vm.Fault{Kind: vm.FaultUnknown, Text: "deaf"}}
		})}, had: limav1.LimaVMStatus{Conditions: parseConditions(created, "Running=False/Stopping")}, want: "!StopFailed deaf"},
		"up, and cannot stop": {scene: scene{state: with(on(vm.PhaseRunning), func(s *vm.State) {
			s.StartID, s.Failure = "1", &vm.Failure{Operation: vm.OperationStop, Fault: &vm.Fault{Kind: vm.FaultUnknown, Text: "deaf"}}
		})}, had: limav1.LimaVMStatus{Conditions: parseConditions(created, "Running=False/Stopping")}, want: "!StopFailed deaf"},
		"died": {
			scene: scene{wanted: true, state: died}, had: limav1.LimaVMStatus{Conditions: parseConditions(created, "Running=True/Started")},
			want: "!MachineDied " + failureMessage(died.Failure) + ", Starting",
		},
		"died, said": {
			scene: scene{wanted: true, state: died},
			had:   limav1.LimaVMStatus{Conditions: parseConditions(created, "Running=False/Starting/"+failureMessage(died.Failure))},
		},
		"died, started at once": {
			scene: scene{
				wanted: true, state: on(vm.PhaseStarting),
			}, had: limav1.LimaVMStatus{Conditions: parseConditions(created, "Running=True/Started")},
			change: func(s *scope) { s.found = died }, want: "!MachineDied " + failureMessage(died.Failure) + ", Starting",
		},
		"died unobserved": {
			scene: scene{wanted: true, state: off("", "")}, had: limav1.LimaVMStatus{Conditions: parseConditions(created, "Running=True/Started")},
			want: "!MachineDied the machine ended while nobody watched and is started again, Starting",
		},
		"was stopped": {
			scene: scene{state: off("", "")}, had: limav1.LimaVMStatus{Conditions: parseConditions(
				created, "Running=True/Started",
			)}, want: "Stopped",
		},
		"template edited": {
			scene: scene{wanted: true, state: with(on(vm.PhaseRunning), func(s *vm.State) { s.RunningRevision = "old" })},
			had: limav1.LimaVMStatus{
				ObservedTemplateResourceVersion: "41", Conditions: parseConditions(created, "Running=True/Started"),
			}, want: "Restarting",
		},
		"restart going on": {
			scene: scene{wanted: true, state: with(on(vm.PhaseStopping), func(s *vm.State) { s.RunningRevision = "old" })},
			had:   limav1.LimaVMStatus{RestartNeeded: true, Conditions: parseConditions(created, "Running=False/Stopping")},
		},
		"restart requested": {
			scene: scene{wanted: true, unread: true, state: on(vm.PhaseRunning)},
			had: limav1.LimaVMStatus{
				Conditions: parseConditions(created, "Running=True/Started"),
			}, change: asking(limav1.AnnotationRestartRequested, "1"),
			want: "Restarting",
		},
		"… of a stopped one": {
			scene: scene{unread: true, state: off("", "")}, had: limav1.LimaVMStatus{Conditions: parseConditions(created, "Running=False/Stopped")},
			change: asking(limav1.AnnotationRestartRequested, "1"),
		},
		"reset requested": {
			scene: scene{wanted: true, unread: true, state: on(vm.PhaseRunning)},
			had: limav1.LimaVMStatus{
				Conditions: parseConditions(created, "Running=True/Started"),
			}, change: asking(limav1.AnnotationResetRequested, "1"),
			want: "Resetting",
		},
		"… of nothing": {
			scene: scene{unread: true}, had: limav1.LimaVMStatus{Conditions: parseConditions(pending, "Running=Unknown/Reconciling")},
			change: asking(limav1.AnnotationResetRequested, "1"),
		},
		"reset": {
			scene: scene{state: with(off("", ""), func(s *vm.State) { s.Incarnation = "1" })},
			had: limav1.LimaVMStatus{
				LastResetRequest: "1", ObservedTemplateResourceVersion: "42", Conditions: parseConditions(pending, "Running=Unknown/Reconciling"),
			},
			want: "Reset",
		},
		"lost": {
			scene: scene{}, had: limav1.LimaVMStatus{Conditions: parseConditions(created, "Running=False/Stopped")},
			change: func(s *scope) { s.outcome = (&Reconciler{}).checkLost(t.Context(), s) },
			want: "!InstanceLost the instance directory has vanished; bring the directory back, or mount its volume; " +
				"to have the machine made anew with an empty disk instead: rdd limavm reset ",
		},
		"is back": {
			scene: scene{state: off("", "")},
			had: limav1.LimaVMStatus{
				InstanceMade: true, Conditions: parseConditions("Created=False/InstanceLost/x", "Running=Unknown/Reconciling"),
			},
			want: "Created",
		},
		"reset while lost": {
			scene: scene{unread: true, outcome: reconcile.Wait("taking note of a request", 1)},
			had: limav1.LimaVMStatus{
				InstanceMade: true, Conditions: parseConditions("Created=False/InstanceLost/x", "Running=Unknown/Reconciling"),
			},
			change: asking(limav1.AnnotationResetRequested, "1"), want: "Creating",
		},
		"deleted while damaged": {
			scene: scene{deleting: true, state: &vm.State{Phase: vm.PhaseBroken, Damaged: true}},
			had:   limav1.LimaVMStatus{InstanceMade: true, Conditions: older(parseConditions(created, "Running=False/Stopped"))},
			want: "Deleting, !SetAside the instance directory is damaged: it is moved out of the way, and its disk is kept; " +
				"to see where: rdd status",
		},
		"deleted": {
			scene: scene{deleting: true, state: on(vm.PhaseStopping)},
			had:   limav1.LimaVMStatus{Conditions: older(parseConditions(created, "Running=True/Started"))}, want: "Deleting, Stopping",
		},
		"deletion goes on": {
			scene: scene{
				deleting: true, state: on(vm.PhaseDeleting),
			}, had: limav1.LimaVMStatus{Conditions: parseConditions(created, "Running=False/Stopping")},
		},
		"port taken": {
			scene: scene{wanted: true, state: with(on(vm.PhaseRunning), forwards("taken"))},
			had:   limav1.LimaVMStatus{Conditions: parseConditions(created, "Running=True/Started")},
			want:  "!PortConflict cannot forward tcp 127.0.0.1:80 to the guest's 127.0.0.1:80: taken",
		},
		"a socket of the guest cannot be opened": {
			scene: scene{wanted: true, state: with(on(vm.PhaseRunning), func(s *vm.State) {
				s.Forwards = []vm.Forward{{Protocol: "unix", Host: "/h", Guest: "/g", Error: "no room", Reverse: true}}
			})},
			had:  limav1.LimaVMStatus{Conditions: parseConditions(created, "Running=True/Started")},
			want: "!PortConflict cannot forward unix /g of the guest to the host's /h: no room",
		},
		"port still taken": {
			scene: scene{wanted: true, state: with(on(vm.PhaseRunning), forwards("taken"))},
			had: limav1.LimaVMStatus{
				PortForwards: []limav1.PortForward{{Protocol: "tcp", Host: "127.0.0.1:80", Guest: "127.0.0.1:80", Error: "taken"}},
				Conditions:   parseConditions(created, "Running=True/Started"),
			},
		},
		"a unit fails": {
			scene: scene{wanted: true, state: with(on(vm.PhaseRunning), failing)},
			had:   limav1.LimaVMStatus{Conditions: parseConditions(created, "Running=True/Started")},
			want:  "!UnitFailed docker.service fails in the guest",
		},
		"a unit fails in another way": {
			scene: scene{wanted: true, state: with(on(vm.PhaseRunning), failing)},
			had: limav1.LimaVMStatus{
				FailedUnits: []limav1.FailedUnit{{Name: "docker.service", Reason: "exit code 2"}},
				Conditions:  parseConditions(created, "Running=True/Started"),
			},
		},
		"a unit is well again": {
			scene: scene{wanted: true, state: on(vm.PhaseRunning)},
			had: limav1.LimaVMStatus{
				FailedUnits: []limav1.FailedUnit{{Name: "docker.service"}}, Conditions: parseConditions(created, "Running=True/Started"),
			},
			want: "UnitRecovered",
		},
		"a machine with a unit that fails stops": {
			scene: scene{state: on(vm.PhaseStopping)},
			had: limav1.LimaVMStatus{
				FailedUnits: []limav1.FailedUnit{{Name: "docker.service"}}, Conditions: parseConditions(created, "Running=True/Started"),
			},
			want: "Stopping",
		},
		"port free": {
			scene: scene{wanted: true, state: with(on(vm.PhaseRunning), forwards(""))},
			had: limav1.LimaVMStatus{
				PortForwards: []limav1.PortForward{{Protocol: "tcp", Host: "127.0.0.1:80", Guest: "127.0.0.1:80", Error: "taken"}},
				Conditions:   parseConditions(created, "Running=True/Started"),
			},
			want: "PortForwarded",
		},
		"port forwarded": {
			scene: scene{wanted: true, state: with(on(vm.PhaseRunning), forwards(""))},
			had:   limav1.LimaVMStatus{Conditions: parseConditions(created, "Running=True/Started")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := test.scope()
			s.found, s.vm.Status = s.state, test.had
			if test.change != nil {
				test.change(s)
			}
			want := status(s)
			if got := strings.Join(render(transition{s, &test.had, &want}.events()), ", "); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			s.vm.Status, s.found = want, s.state
			again := status(s)
			if got := render(transition{s, &want, &again}.events()); len(got) > 0 {
				t.Errorf("told again: %q", got)
			}
		})
	}
}

// older is conditions of the generation before.
func older(conditions []metav1.Condition) []metav1.Condition {
	for i := range conditions {
		conditions[i].ObservedGeneration--
	}
	return slices.Clone(conditions)
}
