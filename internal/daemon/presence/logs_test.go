// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestOpenLog checks that a log is appended to until it is large, and then rotated.
func TestOpenLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rdd.log")
	for _, size := range []int64{0, MaxLog, MaxLog + 1, 0} {
		log, err := OpenLog(path)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := log.Stat(); err != nil || info.Size() > MaxLog {
			t.Errorf("a log of %d bytes was opened, %v", info.Size(), err)
		}
		if err := errors.Join(log.Truncate(size), log.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(OldLog(path)); err != nil || info.Size() != MaxLog+1 {
		t.Errorf("the old log: %v, %v", info, err)
	}
	if _, err := OpenLog(filepath.Join(t.TempDir(), "none", "rdd.log")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without its directory: %v", err)
	}
}
