// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"context"
	"errors"
	"slices"
)

// step changes one thing.
type step func() error

// run runs steps. A Problem is noted and the next step runs; any other error ends it, as the record
// could not be written.
func (s *session) run(steps ...step) error {
	for _, do := range steps {
		err := do()
		var p *Problem
		if errors.As(err, &p) {
			s.problems = append(s.problems, *p)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// apply makes everything what is wanted.
func (s *session) apply(ctx context.Context, want Want) (Report, error) {
	before := slices.Clone(s.Problems)
	steps := []step{s.undoCurrent, s.undoContext, s.undoSocket}
	if want.Docker {
		decides := s.environment()
		s.Environment = &decides
		steps = []step{s.move, s.context, s.socket, func() error { return s.current(ctx, want.Ready) }}
	}
	if err := s.finish(Names(), s.run(steps...)); err != nil {
		return Report{}, err
	}
	fresh := slices.DeleteFunc(slices.Clone(s.problems), func(p Problem) bool { return slices.Contains(before, p) })
	return Report{Problems: s.problems, Fresh: fresh}, nil
}

// finish records how it ended for the names that were dealt with.
func (s *session) finish(names []string, err error) error {
	if err != nil {
		return err
	}
	s.dropDirs()
	s.Problems = append(slices.DeleteFunc(s.Problems, func(p Problem) bool { return slices.Contains(names, p.Name) }), s.problems...)
	return s.save()
}

// problem is what was noted, as an error.
func (s *session) problem() error {
	var errs []error
	for _, p := range s.problems {
		errs = append(errs, &p)
	}
	return errors.Join(errs...)
}

// move undoes what was done where docker's configuration was before DOCKER_CONFIG changed.
func (s *session) move() error {
	dir := s.environment().ConfigDir
	moved := s.Context != nil && s.Context.File != contextFile(dir, s.host.Name) || s.Current != nil && s.Current.File != configFile(dir)
	if !moved {
		return nil
	}
	s.Judged = judgement{}
	err := s.run(s.undoCurrent, s.undoContext)
	s.dropDirs()
	return err
}
