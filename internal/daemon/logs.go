// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"errors"
	"os"
	"runtime"

	"k8s.io/klog/v2"

	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/logfile"
)

// rotateLogs rotates logs that are larger than presence.MaxLog, if the standard streams are the
// instance's logs. One old log is kept. A log takes at most twice presence.MaxLog, plus what is
// written between two checks.
func (d *daemon) rotateLogs() error {
	if !d.options.Background || runtime.GOOS == "windows" { // Windows cannot rename an open file
		return nil
	}
	return errors.Join(
		rotate(presence.LogFile(d.inst), os.Stderr),
		rotate(presence.StdoutFile(d.inst), os.Stdout),
	)
}

func rotate(path string, stream *os.File) error {
	rotated, err := logfile.Stream(stream, path, presence.MaxLog)
	if rotated {
		klog.InfoS("The log had grown large: the old one is beside it", "path", path)
	}
	return err
}
