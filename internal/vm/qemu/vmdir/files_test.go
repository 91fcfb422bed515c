// SPDX-License-Identifier: Apache-2.0

package vmdir

import (
	"errors"
	"io/fs"
	"os"
	"testing"
)

// TestClearWay: a directory in the place of a file that a start writes is set apart.
func TestClearWay(t *testing.T) {
	dir := Dir(t.TempDir())
	files := []string{
		dir.HostagentStdout(), dir.HostagentStderr(), dir.QEMULog(), dir.Serial(), dir.HostagentPID(), dir.QEMUPID(),
		dir.SSHConfig(), dir.OwnSSHConfig(), dir.KnownHosts(), dir.BootScript(), dir.ProvisionScript(), dir.Seed(),
		dir.QEMULock(), dir.VNCDisplay(), dir.VNCPassword(), dir.HostagentSocket(), dir.QMPSocket(), dir.ShellSocket(),
	}
	for _, path := range files {
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := dir.ClearWay(); err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", path, err)
		}
	}
	if kept, err := os.ReadDir(string(dir)); err != nil || len(kept) != len(files) {
		t.Errorf("%d of %d are kept: %v", len(kept), len(files), err)
	}
}
