// SPDX-License-Identifier: Apache-2.0

package why

import (
	"errors"
	"io/fs"

	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/why/explain"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// gatherDirectory reads the instance directory.
func gatherDirectory(dir vmdir.Dir, f *explain.Facts) {
	record, err := dir.ReadRecord()
	d := explain.Directory{Path: string(dir), Exists: !errors.Is(err, fs.ErrNotExist)}
	d.Foreign = errors.Is(err, vmdir.ErrForeign)
	d.Damaged = err != nil && d.Exists && !d.Foreign
	d.OwnerUID, d.OwnerNamespace, d.OwnerName = record.Owner.UID, record.Owner.Namespace, record.Owner.Name
	if err == nil && (f.VM == nil || string(f.VM.UID) == record.Owner.UID) {
		// What cannot be read is left out: it is an addition to what the API says.
		d.Machine, _ = resource.MachineRuns(dir)
		if run, err := dir.ReadRun(); err == nil && d.Machine && run.Phase != vm.PhaseRunning {
			d.StepSince = run.Progress.Since
		}
		f.Phases = phases(dir.HostagentStdout())
		f.Console, f.ConsoleTime = console(dir.Serial())
	}
	f.Directory = d
}
