// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"errors"
	"reflect"
	"testing"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/vm/template"
)

func TestGuestEnvironment(t *testing.T) {
	for _, tt := range []struct{ env, want map[string]string }{
		{map[string]string{}, map[string]string{}},
		{map[string]string{"LANG": "de_DE.UTF-8"}, map[string]string{"LANG": "C.UTF-8"}},
		{map[string]string{"LANG": "C.utf8"}, map[string]string{"LANG": "C.UTF-8"}},
		{map[string]string{"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, map[string]string{}},
		{map[string]string{"LANG": "de_DE.ISO-8859-1", "LC_CTYPE": "en_US.UTF-8"}, map[string]string{"LANG": "C.UTF-8"}},
		{map[string]string{"COLORTERM": "truecolor", "SECRET": "x"}, map[string]string{"COLORTERM": "truecolor"}},
	} {
		if got := guestEnvironment(func(name string) string { return tt.env[name] }); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%v gives %v, want %v", tt.env, got, tt.want)
		}
	}
}

func TestMountedAt(t *testing.T) {
	mounts := []template.Mount{{Location: "/home/jo", MountPoint: "/home/jo"}, {Location: "/home/jo/src", MountPoint: "/src"}, {Location: "/tmp/lima", MountPoint: "/tmp/lima"}}
	for dir, want := range map[string]string{
		"/home/jo": "/home/jo", "/home/jo/a/b": "/home/jo/a/b", "/home/jo/src": "/src", "/home/jo/src/x": "/src/x", "/home/jom": "", "/": "", "/tmp/lima/..x": "/tmp/lima/..x",
	} {
		if got := mountedAt(dir, mounts); got != want {
			t.Errorf("%s is mounted at %q, want %q", dir, got, want)
		}
	}
}

func TestBeginIn(t *testing.T) {
	r := &session.Session{}
	for _, tt := range []struct{ dir, want string }{{"/a b", "cd '/a b' || exit 1\n"}, {"", ""}} {
		if got := beginIn(r, Options{Name: "no-such-vm", Workdir: tt.dir}); got != tt.want {
			t.Errorf("%q: got %q", tt.dir, got)
		}
	}
	for _, tt := range []struct {
		args []string
		want string
	}{{nil, `exec "$SHELL" -l`}, {[]string{"ls; pwd"}, "ls; pwd"}, {[]string{"echo", "a  b"}, "'echo' 'a  b'"}} {
		if got := lineOf(guestCommand(tt.args)); got != tt.want {
			t.Errorf("%q: got %q", tt.args, got)
		}
	}
}

func TestExitOf(t *testing.T) {
	for cause, want := range map[string]int{"terminated signal received": 143, "interrupt signal received": 130, "context canceled": 130} {
		if got := exitOf(errors.New(cause)); got != want {
			t.Errorf("%s: %d, want %d", cause, got, want)
		}
	}
}
