// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"testing"

	"rancherdesktop.io/rdd/internal/sshx"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// TestBegin: a command begins in its directory, whatever it is.
func TestBegin(t *testing.T) {
	for _, test := range []struct {
		command vm.Command
		line    string
	}{
		{vm.Command{Line: "ls; pwd"}, "ls; pwd"},
		{vm.Command{}, ""},
		{vm.Command{Dir: "/a b"}, "cd '/a b' || exit 1\nexec \"$SHELL\" -l"},
		{vm.Command{Dir: "/a b", Line: "ls; pwd"}, "cd '/a b' || exit 1\nls; pwd"},
		{vm.Command{Dir: "/a", DirOptional: true, Args: []string{"echo", "a  b"}}, "cd '/a' 2>/dev/null\n'echo' 'a  b'"},
		{vm.Command{CleanEnv: true, Args: []string{"echo", "a  b"}}, sshx.Clean("'echo' 'a  b'")},
	} {
		if got := overSSH(t.Context(), test.command); got.Line != test.line || got.Args != nil {
			t.Errorf("%+v: got %+v", test.command, got)
		}
	}
}

func TestSizesAreHandedOn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	from := make(chan vm.Size, 1)
	to := sizes(ctx, from)
	from <- vm.Size{Columns: 80, Rows: 24}
	if got := <-to; got != (sshx.Size{Columns: 80, Rows: 24}) {
		t.Errorf("got %+v", got)
	}
	cancel()
	if size, open := <-to; open {
		t.Errorf("got %+v after the end", size)
	}
	if sizes(t.Context(), nil) != nil {
		t.Error("there are sizes without any")
	}
}

// TestUnreachable: a guest that nothing answers for is not running; the rest is another problem.
func TestUnreachable(t *testing.T) {
	boom := errors.New("boom")
	for _, test := range []struct {
		err     error
		stopped bool
	}{{fs.ErrNotExist, true}, {&net.OpError{Err: boom}, true}, {sshx.ErrHostKey, true}, {boom, false}} {
		err := unreachable(test.err)
		var typed *vm.UnreachableError
		if !errors.As(err, &typed) || !errors.Is(err, test.err) || errors.Is(err, vm.ErrNotRunning) != test.stopped ||
			err.Error() != test.err.Error() {
			t.Errorf("%v: got %v", test.err, err)
		}
	}
	if _, err := Run(t.Context(), vmdir.In(t.TempDir(), "x"), vm.Command{Line: "true"}); !errors.Is(err, vm.ErrNotRunning) {
		t.Errorf("without an address: %v", err)
	}
}
