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

// MaxLog is the size, in bytes, from which on a log is set aside.
const MaxLog = 16 << 20

// LogFile is the daemon's log, its standard error.
func LogFile(inst instance.Instance) string { return filepath.Join(inst.LogDir, "rdd.log") }

// StdoutFile is the daemon's standard output.
func StdoutFile(inst instance.Instance) string { return filepath.Join(inst.LogDir, "rdd.stdout.log") }

// OldLog is where a log goes when it is set aside; one that is there already is replaced.
func OldLog(path string) string { return path + ".1" }

// SetAside moves a log that has grown large out of the way. It returns an error when something else
// is where the old log goes.
func SetAside(path string) error {
	info, err := os.Stat(path)
	if err != nil || info.Size() <= MaxLog {
		return nil // a log that somebody removed comes back with the next start
	}
	if err := atomicfile.Rename(path, OldLog(path)); err != nil {
		return fmt.Errorf("setting the old log aside: %w", err)
	}
	return nil
}

// OpenLog opens a log for appending. One that has grown large is set aside first, if that is
// possible; the daemon, which tries it again and again, reports what is in the way.
func OpenLog(path string) (*os.File, error) {
	_ = SetAside(path) // a log that goes on growing is better than none
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the instance's directories are missing: %w", err)
	}
	return f, err
}
