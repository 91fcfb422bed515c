// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"rancherdesktop.io/rdd/internal/regular"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/protocol"
)

// historyBytes is how far back the hostagent's events are read.
const historyBytes = 64 << 10

// History implements vm.Historian.
func (e *Engine) History(_ context.Context, name string) ([]vm.Step, error) {
	i := e.instance(name)
	if err := i.existing(); err != nil {
		return nil, err
	}
	events, err := end(i.dir.HostagentStdout(), historyBytes)
	if err != nil {
		return nil, fmt.Errorf("reading the history of instance %s: %w", name, err)
	}
	return steps(events), nil
}

// steps returns the events that differ from the one before in more than their time. Lines that are
// no events, such as one whose write was interrupted, are left out.
func steps(events []byte) []vm.Step {
	var all []vm.Step
	var last vm.Step
	for line := range bytes.Lines(events) {
		var event protocol.Event
		if json.Unmarshal(line, &event) != nil || event.Time.IsZero() {
			continue
		}
		next := step(event)
		if next == last || next == (vm.Step{}) {
			continue
		}
		last = next
		next.Time = event.Time
		all = append(all, next)
	}
	return all
}

// step returns an event without its time, so that repetitions are equal.
func step(event protocol.Event) vm.Step {
	s := vm.Step{Phase: vm.Phase(event.Phase), Failure: strings.Join(event.Status.Errors, "; ")}
	if event.Progress != nil {
		s.Name, s.Index, s.Total = event.Progress.Step, event.Progress.Index, event.Progress.Total
	}
	return s
}

// end reads the last bytes of a file; none when it does not exist.
func end(path string, length int64) ([]byte, error) {
	f, info, err := regular.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.NewSectionReader(f, max(0, info.Size()-length), length))
}
