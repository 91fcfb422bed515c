// SPDX-License-Identifier: Apache-2.0

package vmdir

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"rancherdesktop.io/rdd/internal/process"
)

// FindQEMU finds the QEMU of an instance: by the recorded identity, else by who listens on its
// socket, or was started with it. The latter count only when the command line has the machine's
// UUID or, for a record that cannot be read any more, the socket's path. A PID file is never
// trusted. process.ErrGone: nobody listens.
func (d Dir) FindQEMU(record Record, run Run) (process.Identity, error) {
	if run.QEMU != nil && run.QEMU.Alive() {
		return *run.QEMU, nil
	}
	uuid := record.Machine.UUID
	id, args, err := listener(d.QMPSocket())
	if err != nil {
		if id, ok := d.searchQEMU(uuid); ok {
			return id, nil
		}
		return process.Identity{}, fmt.Errorf("finding QEMU: %w", err)
	}
	if (uuid == "" && !d.usedBy(args)) || (uuid != "" && !slices.Contains(args, uuid)) {
		return process.Identity{}, errors.New("finding QEMU: another program listens on its socket")
	}
	return id, nil
}

// searchQEMU finds a QEMU of the instance by the command lines of this user's processes. Its socket
// may take no connection: it serves one at a time.
func (d Dir) searchQEMU(uuid string) (process.Identity, bool) {
	pids, err := process.OwnMatching(func(args []string) bool {
		return d.usedBy(args) && (uuid == "" || slices.Contains(args, uuid))
	})
	if err != nil || len(pids) == 0 {
		return process.Identity{}, false
	}
	id, err := process.Identify(pids[0])
	return id, err == nil
}

// tpmTimeout is how long a swtpm may write its state when its QEMU has ended, and how long the
// kernel may take to end one that was killed.
const tpmTimeout = 5 * time.Second

// EndTPM waits until the swtpm of a QEMU that has ended has ended, too, and kills one that does
// not.
func (r Run) EndTPM() error {
	if r.TPM == nil {
		return nil
	}
	if err := waitEnd(*r.TPM); err == nil {
		return nil
	}
	if err := r.TPM.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, process.ErrGone) {
		return fmt.Errorf("ending swtpm: %w", err)
	}
	if err := waitEnd(*r.TPM); err != nil {
		return fmt.Errorf("ending swtpm: %w", err)
	}
	return nil
}

// waitEnd waits for the end of a process, not longer than tpmTimeout.
func waitEnd(id process.Identity) error {
	ctx, cancel := context.WithTimeout(context.Background(), tpmTimeout)
	defer cancel()
	return id.Wait(ctx)
}

// FindHostagent finds the hostagent of an instance likewise. Its command line must have the
// instance's name.
func (d Dir) FindHostagent() (process.Identity, error) {
	if run, err := d.ReadRun(); err == nil && run.Hostagent != nil && run.Hostagent.Alive() {
		return *run.Hostagent, nil
	}
	id, args, err := listener(d.HostagentSocket())
	if err != nil {
		return process.Identity{}, fmt.Errorf("finding the hostagent: %w", err)
	}
	if !d.servedBy(args) {
		return process.Identity{}, errors.New("finding the hostagent: its socket belongs to another program")
	}
	return id, nil
}

// listener returns the process that listens on a socket, and its command line.
func listener(socket string) (process.Identity, []string, error) {
	pid, err := process.SocketOwner(socket)
	if err != nil {
		return process.Identity{}, nil, err
	}
	id, err := process.Identify(pid)
	if err != nil {
		return process.Identity{}, nil, err
	}
	args, err := process.CommandLine(pid)
	return id, args, err
}
