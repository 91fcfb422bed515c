// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/vm"
)

// keeping is an engine with a disk, and a directory that no LimaVM claims.
type keeping struct {
	vm.Engine
	vm.DiskKeeper
	vm.DirectoryReader
}

func (keeping) Disks(context.Context) ([]vm.Disk, error) { return []vm.Disk{{Name: "data"}}, nil }

func (keeping) Directories(context.Context) ([]vm.Directory, error) {
	return []vm.Directory{{Name: "stray", Path: "/lima/stray", Owner: vm.Owner{UID: "1", Namespace: "default", Name: "stray"}}}, nil
}

// TestCommandsForWhatStays: they find it although the instance, and with it the record of its short
// directory, is gone.
func TestCommandsForWhatStays(t *testing.T) {
	home, short := t.TempDir(), filepath.Join(t.TempDir(), "a b")
	for _, name := range []string{"HOME", "USERPROFILE", "LOCALAPPDATA"} {
		t.Setenv(name, home)
	}
	for _, name := range []string{"XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"} {
		t.Setenv(name, "")
	}
	for parent, rdd := range map[string]string{
		"":    "rdd",
		short: "RDD_SHORT_DIR='" + filepath.Join(short, ".rd7") + "' rdd",
	} {
		t.Setenv("RDD_SHORT_DIR", parent)
		inst, err := instance.Resolve("7")
		if err == nil {
			err = inst.MakeDirs()
		}
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		s := &session.Session{InstanceName: "7", Engine: func(instance.Instance) vm.Engine { return keeping{} }}
		s.Out, s.Err = &out, os.Stderr
		t.Setenv("RDD_SHORT_DIR", "") // the record decides
		if err := removeInstance(t.Context(), s, inst); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			"to delete them: " + rdd + " --instance 7 limavm disk delete data\n",
			"to take it back: " + rdd + " limavm adopt stray; to remove it with its disk: " + rdd + " limavm delete stray --unclaimed\n",
		} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("with %q it prints no %q:\n%s", parent, want, out.String())
			}
		}
	}
}
