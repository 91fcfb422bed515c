// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"errors"
	"fmt"
	"os"

	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm/qemu/machine"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// firstFile is the descriptor of the first file that a process is handed down.
const firstFile = 3

// tpmDescriptor is the one by which QEMU reaches swtpm: the last of the files that spawn hands
// down. 0: the machine has no TPM.
func (p launchPlan) tpmDescriptor() int {
	if !p.template.TPM {
		return 0
	}
	return firstFile + 1 + len(p.disks.locks)
}

// startTPM starts swtpm, and returns the socket at whose other end it is. Nothing else keeps swtpm
// alive. It ends when the last process has closed that, which is QEMU once it has been started.
func (a *agent) startTPM(log *os.File) (_ *os.File, err error) {
	if err := a.state.get().EndTPM(); err != nil {
		return nil, err
	}
	program, err := machine.FindTPM()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(a.Dir.TPM(), 0o700); err != nil {
		return nil, fmt.Errorf("making the directory of the TPM's state: %w", err)
	}
	own, other, err := process.SocketPair()
	if err != nil {
		return nil, err
	}
	id, ended, err := process.StartDetached(process.Command{
		Path: program, Args: machine.TPMArgs(a.Dir.TPM(), firstFile), Dir: string(a.Dir),
		Stdout: log, Stderr: log, Files: []*os.File{other},
	})
	if err = errors.Join(err, other.Close()); err != nil {
		return nil, errors.Join(err, own.Close())
	}
	a.state.update(func(run *vmdir.Run) { run.TPM = &id })
	go func() { a.Log.Info("swtpm has ended", "result", <-ended) }()
	return own, nil
}

// endTPM waits for the end of swtpm, unless a QEMU goes on that nobody supervises.
func (a *agent) endTPM() error {
	run := a.state.get()
	if alive, err := a.Dir.QEMUAlive(run); err != nil || alive {
		return err
	}
	return run.EndTPM()
}
