// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"rancherdesktop.io/rdd/internal/vm"
)

// The checks of this file are for engines that have the ability; others are not asked.

// unknownInstance checks what the abilities return for an instance that does not exist.
func unknownInstance(s *suite) {
	if e, ok := s.Engine.(vm.GuestRunner); ok {
		_, err := e.RunInGuest(s.Context(), s.name, vm.Command{Line: "true"})
		s.mustBe("running a command in an unknown instance", err, vm.ErrNotFound)
		s.mustBeUnreachable("running a command in an unknown instance", err)
	}
	if e, ok := s.Engine.(vm.PathMapper); ok {
		_, err := e.GuestPath(s.Context(), s.name, "/")
		s.mustBe("looking for a mount of an unknown instance", err, vm.ErrNotFound)
	}
	if e, ok := s.Engine.(vm.LogFinder); ok {
		_, err := e.LogFile(s.Context(), s.name, vm.LogSerial)
		s.mustBe("looking for a log of an unknown instance", err, vm.ErrNotFound)
	}
	if e, ok := s.Engine.(vm.Historian); ok {
		_, err := e.History(s.Context(), s.name)
		s.mustBe("reading the history of an unknown instance", err, vm.ErrNotFound)
	}
	if e, ok := s.Engine.(vm.Adopter); ok {
		_, err := e.Adopt(s.Context(), s.name)
		s.mustBe("adopting an unknown instance", err, vm.ErrNotFound)
	}
	if e, ok := s.Engine.(vm.Renamer); ok {
		s.mustBe("renaming an unknown instance", e.Rename(s.Context(), s.renaming()), vm.ErrNotFound)
	}
	if e, ok := s.Engine.(vm.DirectoryReader); ok {
		d, err := e.Directory(s.Context(), s.name)
		s.mustBe("reading the directory of an unknown instance", err, vm.ErrNotFound)
		if d.Path == "" {
			s.Fatalf("it is not said where the directory would be: %+v", d)
		}
	}
}

// stoppedInstance checks what the abilities return for an instance that was never started.
func stoppedInstance(s *suite) {
	if e, ok := s.Engine.(vm.GuestRunner); ok {
		_, err := e.RunInGuest(s.Context(), s.name, vm.Command{Line: "true"})
		s.mustBe("running a command in a stopped machine", err, vm.ErrNotRunning)
		s.mustBeUnreachable("running a command in a stopped machine", err)
	}
	if e, ok := s.Engine.(vm.LogFinder); ok {
		for _, name := range []string{vm.LogHostagent, vm.LogSerial} {
			if !slices.ContainsFunc(e.LogKinds(), func(k vm.LogKind) bool { return k.Name == name && k.About != "" }) {
				s.Fatalf("there is no log %s in %v", name, e.LogKinds())
			}
		}
		for _, kind := range e.LogKinds() {
			path, err := e.LogFile(s.Context(), s.name, kind.Name)
			s.mustNot("looking for log "+kind.Name, err)
			if path == "" {
				s.Fatalf("log %s has no path", kind.Name)
			}
		}
		if path, err := e.LogFile(s.Context(), s.name, "of-no-kind"); err == nil {
			s.Fatalf("there is a log of no kind: %s", path)
		}
	}
	s.checkDirectory(false)
	if e, ok := s.Engine.(vm.Adopter); ok {
		begun, err := e.Adopt(s.Context(), s.name)
		s.mustNot("adopting a stopped machine", err)
		if begun {
			s.Fatalf("a stopped machine is adopted")
		}
	}
}

// runningInstance checks what the abilities do with a running guest.
func runningInstance(s *suite) {
	s.checkDirectory(true)
	s.checkCommands()
	if e, ok := s.Engine.(vm.Historian); ok {
		steps, err := e.History(s.Context(), s.name)
		s.mustNot("reading the history", err)
		phases := []vm.Phase{}
		for _, step := range steps {
			if step.Time.IsZero() {
				s.Fatalf("a step at no time: %+v", step)
			}
			phases = append(phases, step.Phase)
		}
		started := slices.Equal(slices.Compact(phases), []vm.Phase{vm.PhaseStarting, vm.PhaseRunning})
		if !started || steps[0].Name == "" || steps[len(steps)-1].Failure != "" {
			s.Fatalf("the history of a start: %+v", steps)
		}
	}
}

// adopt checks that a machine whose hostagent was killed is adopted when Adopt is called, not
// before, and that it is the same machine afterwards.
func adopt(s *suite, running vm.State) {
	e, ok := s.Engine.(vm.Adopter)
	if !ok {
		return
	}
	begun, err := e.Adopt(s.Context(), s.name)
	s.mustNot("adopting what needs nobody", err)
	if begun {
		s.Fatalf("a machine with a hostagent is adopted")
	}
	s.KillHostagent(s.T, s.name)
	s.sameMachine("the hostagent is gone", running)
	// busy watches the engine. If a watch adopted machines, there would be nothing left to do.
	s.busy("adopting", func() error { begun, err = e.Adopt(s.Context(), s.name); return err })
	if !begun {
		s.Fatalf("a machine without a hostagent is not adopted, or was before that was asked for")
	}
	s.waitFor("adopted", func(state vm.State) bool {
		return state.Phase == vm.PhaseRunning && len(state.Forwards) > 0
	})
	s.sameMachine("adopted", running)
	begun, err = e.Adopt(s.Context(), s.name)
	s.mustNot("adopting again", err)
	if begun {
		s.Fatalf("an adopted machine is adopted again")
	}
}

// checkDirectory checks that the instance's directory is returned, by itself and among all.
func (s *suite) checkDirectory(alive bool) {
	s.Helper()
	e, ok := s.Engine.(vm.DirectoryReader)
	if !ok {
		return
	}
	d, err := e.Directory(s.Context(), s.name)
	s.mustNot("reading the directory", err)
	if d.Name != s.name || d.Owner != s.owner || d.Foreign || d.Damage != nil || d.TemplateFile == "" || d.Alive != alive {
		s.Fatalf("the directory, alive %v: %+v", alive, d)
	}
	all, err := e.Directories(s.Context())
	s.mustNot("reading all directories", err)
	if !slices.ContainsFunc(all, func(d vm.Directory) bool { return d.Name == s.name && d.Owner == s.owner }) {
		s.Fatalf("the directory is not among %+v", all)
	}
}

// checkForeignDirectory checks that a directory that rdd did not make is returned as foreign.
func (s *suite) checkForeignDirectory(name string) {
	s.Helper()
	e, ok := s.Engine.(vm.DirectoryReader)
	if !ok {
		return
	}
	d, err := e.Directory(s.Context(), name)
	s.mustNot("reading a foreign directory", err)
	if !d.Foreign || d.Damage != nil || d.Owner != (vm.Owner{}) || d.Alive || d.Path == "" {
		s.Fatalf("a foreign directory: %+v", d)
	}
}

// checkCommands runs commands in the running guest.
func (s *suite) checkCommands() {
	s.Helper()
	e, ok := s.Engine.(vm.GuestRunner)
	if !ok {
		return
	}
	for _, test := range []struct {
		what    string
		command vm.Command
		code    int
		output  string
	}{
		{"a line", vm.Command{Line: "echo a; exit 3"}, 3, "a\n"},
		{"arguments", vm.Command{Args: []string{"printf", "%s|", "a b", "$HOME"}}, 0, "a b|$HOME|"},
		{"input", vm.Command{Args: []string{"cat"}, Stdin: strings.NewReader("handed in")}, 0, "handed in"},
		{"a directory", vm.Command{Line: "pwd", Dir: "/usr"}, 0, "/usr\n"},
		{"arguments in a directory", vm.Command{Args: []string{"pwd"}, Dir: "/usr"}, 0, "/usr\n"},
		{"no directory", vm.Command{Line: "echo here", Dir: "/no such directory"}, 1, ""},
		{"no directory, else home", vm.Command{Line: "echo here", Dir: "/no such directory", DirOptional: true}, 0, "here\n"},
	} {
		var out, problems bytes.Buffer
		test.command.Stdout, test.command.Stderr = &out, &problems
		code, err := e.RunInGuest(s.Context(), s.name, test.command)
		if err != nil || code != test.code || out.String() != test.output {
			s.Fatalf("%s: exit code %d, output %q, %q, error %v", test.what, code, &out, &problems, err)
		}
	}
}

func (s *suite) mustBeUnreachable(step string, err error) {
	s.Helper()
	var unreachable *vm.UnreachableError
	if !errors.As(err, &unreachable) {
		s.Fatalf("%s: want an UnreachableError, got %v", step, err)
	}
}
