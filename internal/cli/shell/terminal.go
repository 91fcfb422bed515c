// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"context"
	"os"

	"golang.org/x/term"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/vm"
)

// terminal is the user's terminal.
type terminal struct {
	in, out *os.File
	// before is the state to restore; nil while the terminal is unchanged.
	before *term.State
}

// terminalOf returns the session's terminal; nil unless both standard input and output are one.
func terminalOf(s *session.Session) *terminal {
	in, out := session.Terminal(s.In), session.Terminal(s.Out)
	if in == nil || out == nil {
		return nil
	}
	return &terminal{in: in, out: out}
}

// describe returns the terminal to ask for in the guest. Changes of the size are sent until ctx
// ends.
func (t *terminal) describe(ctx context.Context) *vm.Terminal {
	return &vm.Terminal{Term: os.Getenv("TERM"), Size: sizeOf(t.out), Resized: resizes(ctx, t.out), Prepare: t.makeRaw}
}

// makeRaw puts the terminal into raw mode, so that all keys go to the guest.
func (t *terminal) makeRaw() (err error) {
	t.before, err = term.MakeRaw(int(t.in.Fd()))
	return err
}

// restore undoes makeRaw.
func (t *terminal) restore() {
	if t.before != nil {
		_ = term.Restore(int(t.in.Fd()), t.before)
	}
}

func sizeOf(f *os.File) vm.Size {
	columns, rows, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return vm.Size{Columns: 80, Rows: 24}
	}
	return vm.Size{Columns: columns, Rows: rows}
}
