// SPDX-License-Identifier: Apache-2.0

//go:build linux

package instance

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const otherUser = 12345

// give gives a file to another user.
func (w world) give(path string, uid int) {
	w.t.Helper()
	if os.Geteuid() != 0 {
		w.t.Skip("only root can give a file away")
	}
	w.must(os.Lchown(path, uid, -1))
}

// TestHomeOfAnotherUser: nothing is made wherever a part of it would be another user's.
func TestHomeOfAnotherUser(t *testing.T) {
	for _, variable := range []string{"HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"} {
		t.Run(variable, func(t *testing.T) {
			homeDir(t)
			home := t.TempDir()
			t.Setenv(variable, filepath.Join(home, "below")) // it need not exist
			w := newWorldWith(t)
			w.give(home, otherUser)
			var foreign *OwnerError
			if err := w.inst.MakeDirs(); !errors.As(err, &foreign) || foreign.UID != otherUser || foreign.Dir != home {
				t.Errorf("got %v", err)
			}
			for _, dir := range []string{home, w.home} {
				if entries, err := os.ReadDir(dir); !errors.Is(err, fs.ErrNotExist) && len(entries) > 0 {
					t.Errorf("%v, %v were made", entries, err)
				}
			}
			w.inst.AsRoot = true
			w.make()
		})
	}
}

func TestHomeOfRoot(t *testing.T) {
	homeDir(t)
	w := newWorldWith(t)
	w.give(w.home, 0)
	if err := w.inst.CheckOwners(); err != nil {
		t.Error(err)
	}
}

func TestRemedy(t *testing.T) {
	homeDir(t)
	w := newWorldWith(t)
	deep := w.path(".local/share/rancher-desktop.d")
	w.must(os.MkdirAll(deep, 0o700))
	denied := &fs.PathError{Op: "mkdir", Path: filepath.Join(deep, "2"), Err: fs.ErrPermission}
	if got := Remedy(denied); got != "" {
		t.Errorf("with directories of one's own: %q", got)
	}
	w.give(w.path(".local"), otherUser)
	w.give(deep, otherUser)
	for _, err := range []error{denied, &os.LinkError{Op: "rename", Old: "x", New: deep, Err: fs.ErrPermission}} {
		if got := Remedy(err); !strings.HasSuffix(got, "sudo chown -R 0:0 '"+w.path(".local")+"'") {
			t.Errorf("%v: %q", err, got)
		}
	}
	for _, err := range []error{
		nil, fs.ErrPermission, &fs.PathError{Path: deep, Err: fs.ErrNotExist}, &fs.PathError{Path: "/", Err: fs.ErrPermission},
	} {
		if got := Remedy(err); got != "" {
			t.Errorf("%v: %q", err, got)
		}
	}
}

func TestFlags(t *testing.T) {
	if got := strings.Join(Instance{Name: "x"}.Flags(), " "); got != "--instance x" {
		t.Error(got)
	}
	if got := strings.Join(Instance{Name: "x", AsRoot: true}.Flags(), " "); got != "--instance x --as-root" {
		t.Error(got)
	}
}
