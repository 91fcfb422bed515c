// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"path/filepath"

	"rancherdesktop.io/rdd/internal/instance"
)

// MaxLog is the size in bytes above which a log of the daemon is rotated: see package logfile.
const MaxLog = 16 << 20

// LogFile returns the path of the daemon's log, which is its standard error.
func LogFile(inst instance.Instance) string { return filepath.Join(inst.LogDir, "rdd.log") }

// StdoutFile returns the path of the daemon's standard output.
func StdoutFile(inst instance.Instance) string { return filepath.Join(inst.LogDir, "rdd.stdout.log") }
