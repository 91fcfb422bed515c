// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"errors"
	"slices"

	"rancherdesktop.io/rdd/internal/vm"
)

// refusals checks what an engine must refuse, and calls for instances that do not exist.
func refusals(s *suite) {
	nothing(s)
	unknownInstance(s)
	invalid(s)
	foreign(s)
}

func nothing(s *suite) {
	_, err := s.Engine.Observe(s.Context(), s.name)
	s.mustBe("observing an unknown instance", err, vm.ErrNotFound)
	s.mustBe("starting an unknown instance", s.Engine.Start(s.Context(), s.owner, s.name), vm.ErrNotFound)
	s.mustBe("stopping an unknown instance", s.Engine.Stop(s.Context(), s.owner, s.name, vm.StopShutdown), vm.ErrNotFound)
	s.mustNot("deleting an unknown instance", s.Engine.Delete(s.Context(), s.owner, s.name))
	s.checkListed("nothing was made", false)
}

func invalid(s *suite) {
	err := s.Engine.Apply(s.Context(), s.spec(s.owner, s.Invalid))
	var invalid *vm.InvalidSpecError
	if !errors.As(err, &invalid) || invalid.Field != s.InvalidField {
		s.Fatalf("applying an invalid template: want an InvalidSpecError for %q, got %v", s.InvalidField, err)
	}
	if f := vm.FaultOf(err); f.Kind != vm.FaultSpec || f.Field != s.InvalidField {
		s.Fatalf("applying an invalid template is %+v", *f)
	}
	if invalid.Reason == "" {
		s.Fatalf("an invalid spec is refused without a reason")
	}
	s.checkListed("an invalid spec made nothing", false)
}

// foreign checks that a directory that rdd did not make takes its name and is not touched.
func foreign(s *suite) {
	spec := s.spec(s.owner, s.Template)
	spec.Name = "vmtforeign"
	s.AddForeign(s.T, spec.Name)
	s.mustBeTaken("applying over a foreign directory", s.Engine.Apply(s.Context(), spec))
	spec.AdoptFrom = s.other.UID
	s.mustBeTaken("adopting a foreign directory", s.Engine.Apply(s.Context(), spec))
	s.mustBeTaken("deleting a foreign directory", s.Engine.Delete(s.Context(), s.owner, spec.Name))
	s.mustBeTaken("starting a foreign directory", s.Engine.Start(s.Context(), s.owner, spec.Name))
	state, err := s.Engine.Observe(s.Context(), spec.Name)
	s.mustNot("observing a foreign directory", err)
	s.check("a foreign directory has no owner", state.Owner.UID == "", state)
	broken := state.Phase == vm.PhaseBroken && state.Failure != nil && state.Failure.Fault.Kind == vm.FaultBroken
	s.check("a foreign directory is broken", broken, state)
	s.checkForeignDirectory(spec.Name)
}

// checkListed checks whether List reports the instance.
func (s *suite) checkListed(step string, want bool) {
	s.Helper()
	states, err := s.Engine.List(s.Context())
	s.mustNot("listing", err)
	listed := slices.ContainsFunc(states, func(state vm.State) bool { return state.Name == s.name })
	if listed != want {
		s.Fatalf("%s: listed %v, want %v", step, listed, want)
	}
}
