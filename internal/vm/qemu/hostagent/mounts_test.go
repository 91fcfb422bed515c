// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"errors"
	"fmt"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// TestMountUnit: names are systemd's, as systemd-escape --path --suffix=mount writes them.
func TestMountUnit(t *testing.T) {
	for path, want := range map[string]string{
		"/data": "data.mount", "/home/me/src": "home-me-src.mount", "/home/me/my-src/": `home-me-my\x2dsrc.mount`,
		"/a b/ü": `a\x20b-\xc3\xbc.mount`, "/.x/.y": `\x2ex-.y.mount`, "/a//b": "a-b.mount", "/A_:1": "A_:1.mount",
	} {
		if got := mountUnit(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	for err, reason := range map[error]string{
		errors.New("x"): errMountEnded.Error(), &vm.InvalidSpecError{Field: "f", Reason: "is gone"}: "field `f` is gone",
	} {
		got := failedMounts([]template.Mount{{MountPoint: "/a"}, {MountPoint: "/b"}}, err)
		if len(got) != 2 || got[1].Name != "b.mount" || got[0].Reason == "" || got[0].Reason != reason {
			t.Errorf("%+v", got)
		}
	}
}

// TestMountFault: what is known better than that mounts cannot be made stays.
func TestMountFault(t *testing.T) {
	for _, c := range []struct {
		err  error
		kind vm.FaultKind
	}{
		{errors.New("x"), vm.FaultUnknown},
		{&vm.InvalidSpecError{Field: "mounts", Reason: "x"}, vm.FaultSpec},
		{fmt.Errorf("serving: %w", vm.WithKind(vm.FaultHost, errors.New("x"))), vm.FaultHost},
	} {
		f := vm.FaultOf(mountFault(c.err))
		if f.Kind != c.kind || f.Text == "" || f.Kind == vm.FaultUnknown && (f.Field != "mounts" || f.Hint == "") {
			t.Errorf("%v became %+v", c.err, f)
		}
	}
}
