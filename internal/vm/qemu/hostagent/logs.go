// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"errors"
	"os"
	"time"

	"rancherdesktop.io/rdd/internal/logfile"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// logInterval is how often the sizes of QEMU's logs are checked.
const logInterval = time.Second

// keepLogs rotates the logs that QEMU writes, the guest's console among them, until the machine
// ends. QEMU writes them itself and never waits for this process: a pipe whose reader has stopped
// would stall the guest.
func (m *machineProcess) keepLogs() {
	ticker := time.NewTicker(logInterval)
	defer ticker.Stop()
	told := map[string]string{}
	for {
		select {
		case <-m.ctx.Done():
			return
		case <-m.ended:
			return
		case <-ticker.C:
		}
		for _, path := range []string{m.agent.Dir.Serial(), m.agent.Dir.QEMULog()} {
			problem := ""
			if _, err := logfile.CopyTruncate(path, vmdir.MaxLog); err != nil {
				problem = err.Error()
			}
			if problem != "" && problem != told[path] {
				m.agent.Log.Warn("rotating a log of QEMU", "path", path, "error", problem)
			}
			told[path] = problem
		}
	}
}

// renewLogs empties the logs that QEMU writes, and returns the one that is its own output.
func (a *agent) renewLogs() (*os.File, error) {
	console, err := logfile.Renew(a.Dir.Serial())
	if err != nil {
		return nil, err
	}
	log, logErr := logfile.Renew(a.Dir.QEMULog())
	if err := errors.Join(logErr, console.Close()); err != nil {
		return nil, err
	}
	return log, nil
}
