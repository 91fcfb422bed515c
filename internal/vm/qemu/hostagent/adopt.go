// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"errors"
	"fmt"
	"time"

	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/guest"
	"rancherdesktop.io/rdd/internal/vm/qemu/machine"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// adopt supervises the QEMU that holds qemu.lock. Its guest notices nothing.
func (a *agent) adopt() (*machineProcess, error) {
	t, err := guest.Template(a.Dir, a.record, a.start)
	if err != nil {
		return nil, err
	}
	id, err := a.findQEMU()
	if err != nil {
		return nil, notAdopted(err)
	}
	a.Log.Info("adopting", "pid", id.PID)
	a.state.update(func(run *vmdir.Run) {
		run.QEMU = &id
		if !run.WasRunning {
			run.Phase = vm.PhaseStarting
			run.Progress = vm.Progress{Step: "adopting", Percent: -1, Since: time.Now()}
		}
	})
	run := a.state.get()
	if err := a.writeSSHFiles(run.SSHPort); run.SSHPort != 0 && err != nil {
		a.Log.Warn("writing the files for ssh again", "error", err)
	}
	m := a.watch(id, machine.Accelerator{Name: run.Accelerator, CPU: a.record.Machine.CPU}, t)
	if run.StopMode != "" {
		// The hostagent before this one was stopping it.
		a.requestStop(run.StopMode)
	}
	return m, nil
}

// notAdopted is the fault of an adoption that found no QEMU. One that has ended meanwhile is a
// machine that ended by itself.
func notAdopted(err error) error {
	err = fmt.Errorf("adopting the virtual machine: %w", err)
	if errors.Is(err, process.ErrGone) {
		return vm.WithKind(vm.FaultProcessEnded, err)
	}
	return err
}

// findQEMU finds QEMU. It waits for one that was started just now and does not listen yet. An error
// wraps process.ErrGone when QEMU has ended, whatever was seen of its end: a process that is ending
// has no command line any more, and its socket takes connections for a moment longer.
func (a *agent) findQEMU() (process.Identity, error) {
	deadline := time.Now().Add(launchTimeout)
	for {
		id, err := a.Dir.FindQEMU(a.record, a.state.get())
		if err == nil || time.Now().After(deadline) {
			return id, err
		}
		alive, lockErr := a.Dir.QEMUAlive(a.state.get())
		if lockErr != nil {
			return process.Identity{}, errors.Join(err, lockErr)
		}
		if !alive {
			return process.Identity{}, fmt.Errorf("%w (%w)", process.ErrGone, err)
		}
		<-time.After(retryPause)
	}
}
