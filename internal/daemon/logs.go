// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"k8s.io/klog/v2"

	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/process"
)

// rotateLogs begins logs anew that have grown too large, of a daemon whose standard streams are its
// logs. One old log is kept, so that logs take at most twice presence.MaxLog each, and what is
// written between two checks.
func (d *daemon) rotateLogs() error {
	if !d.options.Background || runtime.GOOS == "windows" { // which moves no file that is being written to
		return nil
	}
	return errors.Join(
		rotate(presence.LogFile(d.inst), os.Stderr),
		rotate(presence.StdoutFile(d.inst), os.Stdout),
	)
}

func rotate(path string, stream *os.File) error {
	info, err := os.Stat(path)
	if err != nil || info.Size() <= presence.MaxLog {
		return nil // one that somebody removed comes back with the next start
	}
	if err := presence.SetAside(path); err != nil {
		return err
	}
	log, err := presence.OpenLog(path)
	if err != nil {
		return fmt.Errorf("beginning a new log: %w", err)
	}
	if err := errors.Join(process.Redirect(stream, log), log.Close()); err != nil {
		return fmt.Errorf("beginning a new log: %w", err)
	}
	klog.InfoS("The log had grown large: the old one is beside it", "path", path)
	return nil
}
