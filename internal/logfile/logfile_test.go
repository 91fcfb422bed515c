// SPDX-License-Identifier: Apache-2.0

package logfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

const limit = 1 << 12

// TestOpen checks that a log is appended to until it is large, and then rotated.
func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rdd.log")
	for _, size := range []int64{0, limit, limit + 1, 0} {
		log, err := Open(path, limit)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := log.Stat(); err != nil || info.Size() > limit {
			t.Errorf("a log of %d bytes was opened, %v", info.Size(), err)
		}
		if err := errors.Join(log.Truncate(size), log.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(Old(path)); err != nil || info.Size() != limit+1 {
		t.Errorf("the old log: %v, %v", info, err)
	}
	if err := errors.Join(os.Remove(Old(path)), os.MkdirAll(filepath.Join(Old(path), "in the way"), 0o700),
		os.Truncate(path, limit+1)); err != nil {
		t.Fatal(err)
	}
	if err := Rotate(path, limit); err == nil {
		t.Error("a log replaced a directory")
	}
	if log, err := Open(path, limit); err != nil {
		t.Errorf("with something in the place of the old log: %v", err)
	} else if err := log.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none", "rdd.log"), limit); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without its directory: %v", err)
	}
}
