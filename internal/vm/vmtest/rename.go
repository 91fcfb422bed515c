// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"errors"

	"rancherdesktop.io/rdd/internal/vm"
)

// renaming gives the suite's instance another name and owner.
func (s *suite) renaming() vm.Renaming {
	return vm.Renaming{Name: s.name, Owner: s.owner, NewName: s.name + "new", NewOwner: s.other}
}

// back is the renaming that undoes r.
func back(r vm.Renaming) vm.Renaming {
	return vm.Renaming{Name: r.NewName, Owner: r.NewOwner, NewName: r.Name, NewOwner: r.Owner}
}

// rename checks that a stopped instance gets another name and another owner, and nothing else
// changes; and then back.
func rename(s *suite) {
	e, ok := s.Engine.(vm.Renamer)
	if !ok {
		return
	}
	badRenamings(s, e)
	before, there := s.observe("before it is renamed"), s.renaming()
	s.mustNot("renaming", e.Rename(s.Context(), there))
	s.mustNot("renaming again", e.Rename(s.Context(), there))
	_, err := s.Engine.Observe(s.Context(), there.Name)
	s.mustBe("observing the former name", err, vm.ErrNotFound)
	state, err := s.Engine.Observe(s.Context(), there.NewName)
	s.mustNot("observing the new name", err)
	want := before
	want.Name, want.Owner = there.NewName, there.NewOwner
	same := state.Phase == want.Phase && state.Revision == want.Revision && state.Incarnation == want.Incarnation
	s.check("renamed", same && state.Name == want.Name && state.Owner == want.Owner, state)
	s.mustBe("starting the former name", s.Engine.Start(s.Context(), s.owner, there.Name), vm.ErrNotFound)
	s.mustNot("deleting the former name", s.Engine.Delete(s.Context(), s.owner, there.Name))
	s.mustBeTaken("the former owner deletes the new name", s.Engine.Delete(s.Context(), s.owner, there.NewName))
	another := there
	another.Owner.UID = "uid-of-nobody"
	s.mustBeTaken("renaming what was not renamed to a name that is taken", e.Rename(s.Context(), another))
	s.mustNot("renaming back", e.Rename(s.Context(), back(there)))
	s.mustNot("renaming back again", e.Rename(s.Context(), back(there)))
	after := s.observe("renamed back")
	same = after.Phase == before.Phase && after.Owner == before.Owner && after.Revision == before.Revision
	s.check("as before", same && after.Incarnation == before.Incarnation && after.Failure == nil, after)
}

// badRenamings checks the renamings that are refused.
func badRenamings(s *suite, e vm.Renamer) {
	s.AddForeign(s.T, s.name+"foreign")
	for _, test := range []struct {
		step    string
		change  func(*vm.Renaming)
		invalid bool // otherwise the name is taken
	}{
		{"the name is no label", func(r *vm.Renaming) { r.NewName = "../x" }, true},
		{"the name is the same", func(r *vm.Renaming) { r.NewName = r.Name }, true},
		{"there is no new owner", func(r *vm.Renaming) { r.NewOwner = vm.Owner{} }, true},
		{"the instance is another's", func(r *vm.Renaming) { r.Owner = s.other }, false},
		{"the name is a foreign directory's", func(r *vm.Renaming) { r.NewName = s.name + "foreign" }, false},
		{"the directory is foreign", func(r *vm.Renaming) { r.Name = s.name + "foreign" }, false},
	} {
		r := s.renaming()
		test.change(&r)
		err := e.Rename(s.Context(), r)
		if !test.invalid {
			s.mustBeTaken("renaming although "+test.step, err)
			continue
		}
		if invalid := new(vm.InvalidSpecError); !errors.As(err, &invalid) {
			s.Fatalf("renaming although %s: want %T, got %v", test.step, invalid, err)
		}
	}
	s.check("refused renamings changed nothing", s.observe("refused").Owner == s.owner, s.observe("refused"))
}

// renameIsRefused checks that a machine that is up keeps its name.
func renameIsRefused(s *suite) {
	e, ok := s.Engine.(vm.Renamer)
	if !ok {
		return
	}
	before := s.observe("before it is to be renamed")
	s.mustBe("renaming what runs", e.Rename(s.Context(), s.renaming()), vm.ErrBusy)
	s.sameMachine("a refused renaming", before)
}
