// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/instance"
)

// MaxLog is the size in bytes above which a log is rotated.
const MaxLog = 16 << 20

// LogFile returns the path of the daemon's log, which is its standard error.
func LogFile(inst instance.Instance) string { return filepath.Join(inst.LogDir, "rdd.log") }

// StdoutFile returns the path of the daemon's standard output.
func StdoutFile(inst instance.Instance) string { return filepath.Join(inst.LogDir, "rdd.stdout.log") }

// OldLog returns the path to which a log is rotated. The previous old log is replaced.
func OldLog(path string) string { return path + ".1" }

// OpenLog opens a log for appending, and creates it if need be. A log that is larger than MaxLog is
// rotated first.
func OpenLog(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > MaxLog {
		if err := atomicfile.Rename(path, OldLog(path)); err != nil {
			return nil, fmt.Errorf("setting the old log aside: %w", err)
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the instance's directories are missing: %w", err)
	}
	return f, err
}
