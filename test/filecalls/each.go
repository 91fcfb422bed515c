// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package filecalls

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
)

// State is what a disk holds after a power cut.
type State struct {
	// Dir is what the layer's directory has become.
	Dir string
	// After is how many calls and notes were done; Notes are those.
	After int
	Notes []string
}

// Noted reports whether something was noted before the cut.
func (s State) Noted(text string) bool {
	for _, note := range s.Notes {
		if note == text {
			return true
		}
	}
	return false
}

// Cuts is how many power cuts were played, and how many different states they left.
type Cuts struct{ All, Different int }

// EachCut plays power cuts of all kinds after each of the recorded calls, and has check look at
// each state that they leave. It ends with the first error.
func (l *Layer) EachCut(check func(State) error) (Cuts, error) {
	return l.eachCut(func(Call) bool { return true }, check)
}

// EachSyncCut plays power cuts before each sync only, when there is most that may be lost, and
// after the last call; in the long run it is EachCut.
func (l *Layer) EachSyncCut(check func(State) error) (Cuts, error) {
	return l.eachCut(func(next Call) bool { return next.Op == Sync || Everything() }, check)
}

func (l *Layer) eachCut(before func(next Call) bool, check func(State) error) (cuts Cuts, err error) {
	seen := map[string]bool{}
	for k := range l.Len() + 1 {
		if !l.isBefore(k, before) {
			continue
		}
		random := rand.New(rand.NewPCG(uint64(k), 0))
		for _, survivor := range Survivors(k, random) {
			left, err := l.state(k, survivor)
			if err != nil {
				return cuts, err
			}
			cuts.All++
			notes := l.Notes(k)
			id := fmt.Sprint(left.sum(), notes)
			if seen[id] {
				continue
			}
			seen[id] = true
			cuts.Different++
			if err := l.checkState(left, State{After: k, Notes: notes}, check); err != nil {
				calls := l.Calls(k)
				return cuts, fmt.Errorf("the power fails after %v (%d of %d); of what was not synced survives: %s: %w",
					calls[max(0, len(calls)-3):], k, l.Len(), survivor.Name, err)
			}
		}
	}
	return cuts, nil
}

func (l *Layer) isBefore(k int, before func(next Call) bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return k == len(l.events) || before(l.events[k].Call)
}

func (l *Layer) checkState(left *tree, s State, check func(State) error) (err error) {
	if s.Dir, err = os.MkdirTemp(memory(), "cut"); err != nil {
		return err
	}
	if err = left.write(s.Dir); err == nil {
		err = check(s)
	}
	return errors.Join(err, os.RemoveAll(s.Dir))
}

// memory is where directories are made that live for a moment only.
func memory() string {
	const shared = "/dev/shm"
	if info, err := os.Stat(shared); err == nil && info.IsDir() {
		return shared
	}
	return ""
}

// Skip skips a test where layers are not possible, and fails it for any other error of Run.
func Skip(t testing.TB, err error) {
	t.Helper()
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		t.Skipf("SKIPPED: %v", err)
	case err != nil:
		t.Fatal(err)
	}
}
