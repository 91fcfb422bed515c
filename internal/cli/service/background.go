// SPDX-License-Identifier: Apache-2.0

package service

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/logfile"
	"rancherdesktop.io/rdd/internal/process"
)

// inBackground runs `rdd service ARGUMENTS` in a detached process, which outlives the terminal. Its
// output goes to the daemon's log. what is a sentence that says what is being done.
func inBackground(s *session.Session, inst instance.Instance, what string, arguments ...string) error {
	if missing, err := s.NotCreated(inst); err != nil || missing {
		return err
	}
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	log, err := logfile.Open(presence.LogFile(inst), presence.MaxLog)
	if err != nil {
		return err
	}
	_, _, err = process.StartDetached(process.Command{
		Path:   executable,
		Args:   append(append(inst.Flags(), "service"), arguments...),
		Dir:    filepath.Dir(inst.Dir),
		Stdout: log, Stderr: log,
	})
	if err := errors.Join(err, log.Close()); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "%s To see how far it is: rdd service status, rdd service logs\n", what)
	return nil
}
