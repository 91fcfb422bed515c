// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// step makes or undoes one change on the host.
type step func() error

// run runs steps. A *Problem is recorded and the next step runs. Any other error ends the run and
// is returned: the record could not be written, so nothing more may be changed.
func (tx *transaction) run(steps ...step) error {
	for _, do := range steps {
		err := do()
		var p *Problem
		if errors.As(err, &p) {
			if !slices.Contains(tx.problems, *p) {
				tx.problems = append(tx.problems, *p)
			}
		} else if err != nil {
			return err
		}
	}
	return nil
}

// apply makes all settings what want says, and records how it went.
func (tx *transaction) apply(ctx context.Context, want Want) (Report, error) {
	before := slices.Clone(tx.Problems)
	steps := []step{tx.undoCurrent, tx.undoContext, tx.undoSocket}
	if want.Docker {
		decides := tx.environment()
		tx.Environment = &decides
		steps = []step{tx.move, tx.context, tx.socket, func() error { return tx.current(ctx, want.Ready) }}
	}
	if err := tx.finish(Names(), tx.run(steps...)); err != nil {
		return Report{}, err
	}
	fresh := slices.DeleteFunc(slices.Clone(tx.problems), func(p Problem) bool { return slices.Contains(before, p) })
	return Report{Problems: tx.problems, Fresh: fresh}, nil
}

// finish writes the record, unless err says that it cannot be written. The problems of this
// transaction replace the recorded ones of the settings that names lists.
func (tx *transaction) finish(names []string, err error) error {
	if err != nil {
		return err
	}
	tx.dropDirs()
	tx.Problems = append(slices.DeleteFunc(tx.Problems, func(p Problem) bool { return slices.Contains(names, p.Name) }), tx.problems...)
	return tx.save()
}

// problem returns the problems of this transaction as one error; nil when there are none.
func (tx *transaction) problem() error {
	var errs []error
	for _, p := range tx.problems {
		errs = append(errs, &p)
	}
	return errors.Join(errs...)
}

// move undoes what was done in another configuration of docker's, after DOCKER_CONFIG has changed.
func (tx *transaction) move() error {
	dir := tx.environment().ConfigDir
	moved := tx.Context != nil && tx.Context.File != contextFile(dir, tx.host.Name) || tx.Current != nil && tx.Current.File != configFile(dir)
	if !moved {
		return nil
	}
	tx.Decision = decision{}
	err := tx.run(tx.undoCurrent, tx.undoContext)
	tx.dropDirs()
	return err
}

// prepare writes the record of what is about to be done, and makes the directory that it is done
// in. The record comes first: a process that is killed in between leaves nothing that no record
// knows.
func (tx *transaction) prepare(name, dir string) error {
	tx.noteDirs(tx.dirsFor(dir))
	if err := tx.save(); err != nil {
		return err
	}
	if err := tx.makeDirs(dir); err != nil {
		return tx.failed(name, err)
	}
	return nil
}

// failed returns the Problem of a setting whose change on the host failed with err.
func (tx *transaction) failed(name string, err error) error {
	return &Problem{name, cause(err), "see to that; it is tried again by itself"}
}

// cause says what is wrong with which directory. It leaves out the name of the file: that of a
// temporary file differs each time, and the same problem would be reported as a new one.
func cause(err error) string {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return fmt.Sprintf("%s could not be changed: %v", filepath.Dir(path.Path), path.Err)
	case errors.As(err, &link):
		return fmt.Sprintf("%s could not be changed: %v", filepath.Dir(link.New), link.Err)
	default:
		return err.Error()
	}
}
