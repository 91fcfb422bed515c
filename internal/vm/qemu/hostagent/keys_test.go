// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// TestProtectKeys: loose modes are mended, and the log has that once.
func TestProtectKeys(t *testing.T) {
	dir := vmdir.Dir(t.TempDir())
	var log bytes.Buffer
	a := &agent{Config: Config{Dir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))}}
	if err := a.protectKeys(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without keys: %v", err)
	}
	for path, mode := range map[string]os.FileMode{dir.UserKey(): 0o644, dir.HostKey(): 0o600} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := a.protectKeys(); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{dir.UserKey(), dir.HostKey()} {
		if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
	if got := log.String(); strings.Count(got, "took access away") != 1 || !strings.Contains(got, dir.UserKey()) {
		t.Errorf("the log has %q", got)
	}
}
