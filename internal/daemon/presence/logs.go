// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"os"
	"path/filepath"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/logfile"
)

// MaxLog is the size in bytes above which a log of the daemon is rotated: see package logfile.
const MaxLog = 16 << 20

// LogFile returns the path of the daemon's log, which is its standard error.
func LogFile(inst instance.Instance) string { return filepath.Join(inst.LogDir, "rdd.log") }

// StdoutFile returns the path of the daemon's standard output.
func StdoutFile(inst instance.Instance) string { return filepath.Join(inst.LogDir, "rdd.stdout.log") }

// RemoveOldLogs removes the logs that were rotated, and reports whether there was one: on a full
// disk a daemon that can delete something is worth more.
func RemoveOldLogs(inst instance.Instance) (removed bool) {
	for _, path := range []string{logfile.Old(LogFile(inst)), logfile.Old(StdoutFile(inst))} {
		info, err := os.Lstat(path)
		if err == nil && info.Mode().IsRegular() && info.Size() > 0 && atomicfile.Remove(path) == nil {
			removed = true
		}
	}
	return removed
}
