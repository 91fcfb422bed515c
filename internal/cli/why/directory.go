// SPDX-License-Identifier: Apache-2.0

package why

import (
	"context"
	"errors"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/cli/why/explain"
	"rancherdesktop.io/rdd/internal/vm"
)

// gatherDirectory reads the instance directory, if the engine has such, and the machine's history.
func gatherDirectory(ctx context.Context, s *session.Session, f *explain.Facts) error {
	inst, err := s.Instance()
	if err != nil {
		return err
	}
	engine := s.Engine(inst)
	reader, ok := engine.(vm.DirectoryReader)
	if !ok {
		gatherMachine(ctx, engine, f)
		return nil
	}
	d, err := reader.Directory(ctx, f.VMName)
	f.Directory = explain.Directory{
		Path: d.Path, Exists: !errors.Is(err, vm.ErrNotFound), Foreign: d.Foreign, Damaged: d.Damage != nil,
		OwnerUID: d.Owner.UID, OwnerNamespace: d.Owner.Namespace, OwnerName: d.Owner.Name,
	}
	if d.Owner.UID != "" && (f.VM == nil || string(f.VM.UID) == d.Owner.UID) {
		f.Directory.Machine = d.Alive
		gatherMachine(ctx, engine, f)
	}
	return nil
}

// gatherMachine reads from the engine what the machine does, its history and its console. What
// cannot be read is left out: it only adds to what the API says.
func gatherMachine(ctx context.Context, engine vm.Engine, f *explain.Facts) {
	state, err := engine.Observe(ctx, f.VMName)
	if err == nil && f.Directory.Machine && state.Phase != vm.PhaseRunning {
		f.Directory.StepSince = state.Progress.Since
	}
	if err == nil && state.Pause != nil {
		f.Directory.Pause = state.Pause.Text
	}
	if historian, ok := engine.(vm.Historian); ok {
		if steps, err := historian.History(ctx, f.VMName); err == nil {
			f.Phases = phases(steps)
		}
	}
	if finder, ok := engine.(vm.LogFinder); ok {
		if path, err := finder.LogFile(ctx, f.VMName, vm.LogSerial); err == nil {
			f.Console, f.ConsoleTime = console(path)
		}
		for _, kind := range finder.LogKinds() {
			if kind.Boot {
				f.BootLogs = append(f.BootLogs, kind.Name)
			}
		}
	}
}
