// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

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

// Rotate renames a log that is larger than MaxLog to OldLog. It returns an error when something
// else is at that path.
func Rotate(path string) error {
	info, err := os.Stat(path)
	if err != nil || info.Size() <= MaxLog {
		return nil // a log that somebody removed comes back with the next start
	}
	if err := atomicfile.Rename(path, OldLog(path)); err != nil {
		return fmt.Errorf("setting the old log aside: %w", err)
	}
	return nil
}

// OpenLog opens a log for appending, and creates it if need be. A log that is larger than MaxLog is
// rotated first, if that is possible: the daemon tries it again and again, and logs the error. On a
// full disk, where no log can be made, it is the null device: the daemon is needed to make room.
func OpenLog(path string) (*os.File, error) {
	_ = Rotate(path) // a log that goes on growing is better than none
	f, err := atomicfile.Open(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("the instance's directories are missing: %w", err)
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	case err != nil:
		return nil, fmt.Errorf("opening the log: %w", err)
	}
	return f, nil
}

// RemoveOldLogs removes the logs that were rotated, and reports whether there was one: on a full
// disk a daemon that can delete something is worth more.
func RemoveOldLogs(inst instance.Instance) (removed bool) {
	for _, path := range []string{OldLog(LogFile(inst)), OldLog(StdoutFile(inst))} {
		info, err := os.Lstat(path)
		if err == nil && info.Mode().IsRegular() && info.Size() > 0 && atomicfile.Remove(path) == nil {
			removed = true
		}
	}
	return removed
}
