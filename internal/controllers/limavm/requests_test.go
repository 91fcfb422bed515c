// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"slices"
	"testing"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/vm"
)

func TestLater(t *testing.T) {
	for _, test := range []struct {
		asked, made string
		later       bool
	}{
		{"", "", false}, {"a", "", true}, {"", "a", false}, {"a", "a", false}, {"a", "b", true}, {"b", "a", true},
		{"2026-01-01T00:00:02Z", "2026-01-01T00:00:01Z", true}, {"2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z", false},
		{"2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00Z", false}, {"a", "2026-01-01T00:00:02Z", true},
	} {
		if got := later(test.asked, test.made); got != test.later {
			t.Errorf("later(%q, %q) is %v", test.asked, test.made, got)
		}
	}
}

func TestRevisionFor(t *testing.T) {
	if revisionFor("h", "") != "h" {
		t.Error("without a request it is the template's")
	}
	seen := map[string]bool{}
	for _, r := range []string{
		revisionFor("h", ""), revisionFor("h", "1"), revisionFor("h", "2"), revisionFor("g", "1"), revisionFor("h 1", ""),
	} {
		if seen[r] {
			t.Errorf("%s twice", r)
		}
		seen[r] = true
	}
	if again := revisionFor("h", "1"); !seen[again] {
		t.Error("it is not the same twice")
	}
}

// TestSpent checks which request annotations are removed.
func TestSpent(t *testing.T) {
	all := map[string]string{
		limav1.AnnotationRestartRequested: "1", limav1.AnnotationResetRequested: "1", limav1.AnnotationForceStop: "1",
		limav1.AnnotationAdoptFrom: "u", "mine": "yes",
	}
	base := []string{limav1.AnnotationRestartRequested, limav1.AnnotationResetRequested}
	adopted, down := limav1.AnnotationAdoptFrom, limav1.AnnotationForceStop
	for name, test := range map[string]struct {
		scene
		want []string
	}{
		"nothing there":    {scene{}, []string{down}},
		"being made":       {scene{state: &vm.State{Phase: vm.PhaseCreating}}, []string{adopted, down}},
		"stopped":          {scene{state: off("", "")}, []string{adopted, down}},
		"running, to stop": {scene{state: on(vm.PhaseRunning)}, []string{adopted}},
		"running":          {scene{wanted: true, state: on(vm.PhaseRunning)}, []string{adopted, down}},
		"running, to restart": {
			scene{wanted: true, state: with(on(vm.PhaseRunning), func(s *vm.State) { s.RunningRevision = "old" })}, []string{adopted},
		},
		"running, to be reset": {
			scene{wanted: true, state: with(on(vm.PhaseRunning), func(s *vm.State) { s.Incarnation = "0" })}, []string{adopted},
		},
		"shutting down":         {scene{state: on(vm.PhaseStopping)}, []string{adopted}},
		"starting, not to stop": {scene{wanted: true, state: on(vm.PhaseStarting)}, []string{adopted}},
	} {
		s := test.scope()
		s.vm.Annotations, s.vm.Status.LastResetRequest = all, "1"
		if s.state != nil && s.state.Incarnation == "" {
			s.state.Incarnation = "1"
		}
		if got, want := s.spent(), slices.Concat(base, test.want); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// TestNoted checks which reset is recorded, and whether the instance that was observed is deleted
// for it.
func TestNoted(t *testing.T) {
	text := func(value string) *string { return &value }
	for name, test := range map[string]struct {
		last        string
		from        *string
		asked       string
		incarnation *string // nil when there is no instance
		reset       string
		resetting   bool
	}{
		"no request":              {"", nil, "", text(""), "", false},
		"the first":               {"", nil, "a", text(""), "a", true},
		"one that is recorded":    {"a", text(""), "a", text(""), "a", true},
		"one that is carried out": {"a", text(""), "a", text("a"), "a", false},
		"one from the past": {
			"2099-01-01T00:00:00Z", text(""), "1970-01-01T00:00:00Z", text("2099-01-01T00:00:00Z"),
			"1970-01-01T00:00:00Z", true,
		},
		"another before that is done":      {"b", text("a"), "c", text("a"), "c", true},
		"without an instance":              {"a", text(""), "b", nil, "b", false},
		"an instance that comes back":      {"b", text("b"), "", text("a"), "a", false},
		"an older status":                  {"a", text(""), "", text("c"), "c", false},
		"an older status, and a request":   {"a", text(""), "d", text("c"), "d", true},
		"an empty status":                  {"", nil, "", text("c"), "c", false},
		"another rdd's, being carried out": {"2026-01-02T00:00:00Z", nil, "", text("2026-01-01T00:00:00Z"), "2026-01-02T00:00:00Z", true},
		"another rdd's, from a backup":     {"2026-01-01T00:00:00Z", nil, "", text("2026-01-02T00:00:00Z"), "2026-01-02T00:00:00Z", false},
	} {
		s := scene{}.scope()
		s.vm.Status.LastResetRequest, s.vm.Status.LastResetFrom = test.last, test.from
		s.vm.Annotations = map[string]string{limav1.AnnotationResetRequested: test.asked}
		if test.incarnation != nil {
			s.state = with(off("", ""), func(st *vm.State) { st.Incarnation = *test.incarnation })
		}
		if n := s.noted(); n.reset != test.reset || s.resetting() != test.resetting {
			t.Errorf("%s: recorded %q, resetting %t", name, n.reset, s.resetting())
		}
		s.vm.Status = status(s)
		if n := s.noted(); n.reset != test.reset || s.resetting() != test.resetting || n != noted(s.vm) {
			t.Errorf("%s: from its own status: recorded %+v, resetting %t", name, n, s.resetting())
		}
	}
}

// TestRetryIsRequestedOnce checks which values ask for a retry, and when they are recorded.
func TestRetryIsRequestedOnce(t *testing.T) {
	for name, test := range map[string]struct {
		operation            vm.Operation
		retry, force         string
		lastRetry, lastForce string
		want                 bool
	}{
		"nothing":                    {operation: vm.OperationStart},
		"a new value":                {operation: vm.OperationStart, retry: "b", lastRetry: "c", want: true},
		"one that was carried out":   {operation: vm.OperationStart, retry: "b", lastRetry: "b"},
		"one that was taken away":    {operation: vm.OperationStart, lastRetry: "b"},
		"a forced stop":              {operation: vm.OperationStop, force: "b", want: true},
		"a forced stop, carried out": {operation: vm.OperationStop, force: "b", lastForce: "b"},
		"a forced stop, of a start":  {operation: vm.OperationStart, force: "b"},
		"a date long ago, and a future": {
			operation: vm.OperationRun, retry: "1970-01-01T00:00:00Z", lastRetry: "2099-01-01T00:00:00Z", want: true,
		},
	} {
		s := scene{state: off(test.operation, "boom")}.scope()
		s.vm.Annotations = map[string]string{limav1.AnnotationRetryRequested: test.retry, limav1.AnnotationForceStop: test.force}
		s.vm.Status.LastRetryRequest, s.vm.Status.LastForceStop = test.lastRetry, test.lastForce
		if got := s.retryRequested(s.state.Failure); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
		s.busy = true
		if st := status(s); st.LastRetryRequest != test.lastRetry || st.LastForceStop != test.lastForce {
			t.Errorf("%s: a busy engine has carried it out: %+v", name, st)
		}
		s.busy = false
		s.vm.Status = status(s)
		if s.retryRequested(s.state.Failure) {
			t.Errorf("%s: asks twice", name)
		}
	}
}
