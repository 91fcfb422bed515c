// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"context"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/vm"
)

func TestGuestCommand(t *testing.T) {
	for _, tt := range []struct {
		args []string
		line string
		each []string
	}{
		{nil, "", nil},
		{[]string{"cd /tmp && ls"}, "cd /tmp && ls", nil},
		{[]string{"echo", "a  b"}, "", []string{"echo", "a  b"}},
	} {
		if got := guestCommand(tt.args, ""); got.Line != tt.line || !reflect.DeepEqual(got.Args, tt.each) {
			t.Errorf("%q gives line %q and args %q", tt.args, got.Line, got.Args)
		}
	}
}

// TestInShell: a named shell gets the same command.
func TestInShell(t *testing.T) {
	for _, tt := range []struct{ args, want []string }{
		{nil, []string{"env", "SHELL=/bin/zsh", "/bin/zsh", "-l"}},
		{[]string{"cd /tmp && ls"}, []string{"env", "SHELL=/bin/zsh", "/bin/zsh", "-c", "cd /tmp && ls"}},
		{[]string{"echo", "a  b", "it's"}, []string{"env", "SHELL=/bin/zsh", "/bin/zsh", "-c", `'echo' 'a  b' 'it'\''s'`}},
	} {
		if got := guestCommand(tt.args, "/bin/zsh"); got.Line != "" || !reflect.DeepEqual(got.Args, tt.want) {
			t.Errorf("%q gives line %q and args %q", tt.args, got.Line, got.Args)
		}
	}
}

// TestWhereACommandBegins: --workdir must exist; the directory that the user is in need not be in
// the guest.
func TestWhereACommandBegins(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		workdir, mountedAt string
		dir                string
		optional           bool
	}{
		{"/a b", "/mnt", "/a b", false},
		{"", "/mnt", "/mnt", true},
		{"", "", "", true},
	} {
		engine := &guestEngine{mounts: map[string]string{here: tt.mountedAt}}
		s := &session.Session{Engine: func(instance.Instance) vm.Engine { return engine }}
		if err := Run(t.Context(), s, Options{Name: "dev", Workdir: tt.workdir, Args: []string{"ls"}}); err != nil {
			t.Fatal(err)
		}
		if got := engine.ran; got.Dir != tt.dir || got.DirOptional != tt.optional || got.Line != "ls" || got.Terminal != nil {
			t.Errorf("%+v: ran %+v", tt, got)
		}
	}
}

func TestRunPassesTheExitCodeOn(t *testing.T) {
	s := &session.Session{Engine: func(instance.Instance) vm.Engine { return &guestEngine{code: 7} }}
	var exit *session.CodeError
	if err := Run(t.Context(), s, Options{Name: "dev"}); !errors.As(err, &exit) || exit.Code != 7 || exit.Err != nil {
		t.Errorf("got %v", err)
	}
}

func TestRunWithoutTheAbility(t *testing.T) {
	s := &session.Session{Engine: func(instance.Instance) vm.Engine { return struct{ vm.Engine }{} }}
	err := Run(t.Context(), s, Options{Name: "dev"})
	if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "cannot run commands in guests") {
		t.Errorf("got %v", err)
	}
}

// guestEngine is an engine whose guests note what they are asked to run.
type guestEngine struct {
	vm.Engine
	mounts map[string]string
	code   int
	ran    vm.Command
}

func (e *guestEngine) RunInGuest(_ context.Context, _ string, command vm.Command) (int, error) {
	e.ran = command
	return e.code, nil
}

func (e *guestEngine) GuestPath(_ context.Context, _, hostDir string) (string, error) {
	return e.mounts[hostDir], nil
}
