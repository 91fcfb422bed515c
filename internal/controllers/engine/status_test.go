// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"reflect"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/containers"
)

// runningApp is an App whose machine runs for the third time.
func runningApp() (*appv1.App, *limav1.LimaVM) {
	app := &appv1.App{ObjectMeta: metav1.ObjectMeta{Generation: 7}}
	app.Spec.Running, app.Spec.ContainerEngine.Name = true, appv1.EngineMoby
	limaVM := &limav1.LimaVM{ObjectMeta: metav1.ObjectMeta{Name: "rd"}}
	limaVM.Status.RestartCount = 3
	limaVM.Status.Conditions = []metav1.Condition{{Type: limav1.ConditionRunning, Status: metav1.ConditionTrue, Reason: limav1.ReasonStarted}}
	return app, limaVM
}

func TestTarget(t *testing.T) {
	app, limaVM := runningApp()
	want := containers.Target{Engine: "moby", Instance: "rd", Run: 3}
	if got := target(app, limaVM); got == nil || *got != want {
		t.Errorf("a running machine: %+v", got)
	}
	if got := target(app, nil); got != nil {
		t.Errorf("no machine: %+v", got)
	}
	limaVM.Status.Conditions[0].Status = metav1.ConditionFalse
	if got := target(app, limaVM); got != nil {
		t.Errorf("a stopped machine: %+v", got)
	}
	limaVM.Status.Conditions = nil
	if got := target(app, limaVM); got != nil {
		t.Errorf("a machine that nobody has looked at: %+v", got)
	}
}

func TestReady(t *testing.T) {
	verified := func(run int64) func(*scope) {
		return func(s *scope) {
			s.app.Status.ContainerEngine = appv1.ContainerEngineStatus{Name: appv1.EngineMoby, Version: "25", RestartCount: run}
			s.app.Status.Conditions = []metav1.Condition{{
				Type: appv1.ConditionContainerEngineReady, Status: metav1.ConditionTrue, Reason: appv1.ReasonConnected, Message: "as it was",
				ObservedGeneration: 6,
			}}
		}
	}
	phase := func(p containers.Phase, problem string) func(*scope) {
		return func(s *scope) { s.state.Phase, s.state.Problem = p, problem }
	}
	both := func(a, b func(*scope)) func(*scope) { return func(s *scope) { a(s); b(s) } }
	connecting := "False/Connecting/running a container, to see that moby works"
	for name, test := range map[string]struct {
		change func(*scope)
		want   string
		run    int64 // verified
	}{
		"connected":                      {phase(containers.PhaseConnected, ""), "True/Connected/moby 26.1 has run a container", 3},
		"connecting":                     {phase(containers.PhaseConnecting, ""), connecting, 0},
		"failed":                         {phase(containers.PhaseFailed, "no answer"), "False/ConnectFailed/no answer", 0},
		"no machine":                     {func(s *scope) { s.target, s.state = nil, nil }, "False/Stopped/the machine does not run", 0},
		"the monitor is closed":          {func(s *scope) { s.state = nil }, connecting, 0},
		"the monitor has another target": {func(s *scope) { s.state.Target.Run = 2; s.state.Phase = containers.PhaseConnected }, connecting, 0},
		"verified by an earlier daemon":  {both(verified(3), phase(containers.PhaseConnecting, "")), "True/Connected/as it was", 3},
		"verified in an earlier run":     {both(verified(2), phase(containers.PhaseConnecting, "")), connecting, 2},
		"verified and then lost":         {both(verified(3), phase(containers.PhaseFailed, "gone")), "False/ConnectFailed/gone", 3},
		"another engine was verified": {
			both(verified(3), func(s *scope) { s.target.Engine, s.state.Target.Engine = "containerd", "containerd" }),
			"False/Connecting/running a container, to see that containerd works", 3,
		},
		"what was verified stays, stopped": {
			both(verified(3), func(s *scope) { s.target, s.state = nil, nil }), "False/Stopped/the machine does not run", 3,
		},
	} {
		t.Run(name, func(t *testing.T) {
			app, limaVM := runningApp()
			s := &scope{app: app, limaVM: limaVM, now: time.Unix(1_700_000_000, 0), target: target(app, limaVM)}
			s.state = &containers.State{Target: *s.target, Phase: containers.PhaseConnecting, Version: "26.1"}
			test.change(s)
			st := status(s)
			c := meta.FindStatusCondition(st.Conditions, appv1.ConditionContainerEngineReady)
			if got := string(c.Status) + "/" + c.Reason + "/" + c.Message; got != test.want || c.ObservedGeneration != 7 {
				t.Errorf("got %q for generation %d, want %q", got, c.ObservedGeneration, test.want)
			}
			if st.ContainerEngine.RestartCount != test.run {
				t.Errorf("verified in run %d, want %d", st.ContainerEngine.RestartCount, test.run)
			}
			s.app.Status = st
			if again := status(s); !reflect.DeepEqual(again, st) {
				t.Errorf("another look without a change writes: %+v, then %+v", st, again)
			}
		})
	}
}

func TestEvents(t *testing.T) {
	st := func(reason, message string) appv1.AppStatus {
		return appv1.AppStatus{Conditions: []metav1.Condition{{Type: appv1.ConditionContainerEngineReady, Reason: reason, Message: message}}}
	}
	for name, test := range map[string]struct {
		have, want appv1.AppStatus
		reason     string
		warning    bool
	}{
		"found":            {st(appv1.ReasonConnecting, ""), st(appv1.ReasonConnected, "ran"), appv1.ReasonConnected, false},
		"still there":      {st(appv1.ReasonConnected, "ran"), st(appv1.ReasonConnected, "ran again"), "", false},
		"lost":             {st(appv1.ReasonConnected, "ran"), st(appv1.ReasonConnectFailed, "gone"), appv1.ReasonConnectFailed, true},
		"lost otherwise":   {st(appv1.ReasonConnectFailed, "gone"), st(appv1.ReasonConnectFailed, "hangs"), appv1.ReasonConnectFailed, true},
		"still lost":       {st(appv1.ReasonConnectFailed, "gone"), st(appv1.ReasonConnectFailed, "gone"), "", false},
		"stopped as asked": {st(appv1.ReasonConnected, "ran"), st(appv1.ReasonStopped, ""), "", false},
		"the first look":   {appv1.AppStatus{}, st(appv1.ReasonStopped, ""), "", false},
	} {
		got := events(test.have, test.want)
		if test.reason == "" && len(got) == 0 {
			continue
		}
		if len(got) != 1 || got[0].Reason != test.reason || got[0].Warning != test.warning {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
