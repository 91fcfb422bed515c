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
