// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"regexp"
	"runtime"

	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/machine"
	"rancherdesktop.io/rdd/internal/vm/qemu/share"
)

// versionPattern finds the number in the first line of QEMU's version: "QEMU emulator version
// 7.2.22 (Debian …)".
var versionPattern = regexp.MustCompile(`\d+(\.\d+)+`)

// Host implements vm.HostReporter. *vm.HostError when QEMU is not installed.
func (e *Engine) Host(ctx context.Context) (vm.Host, error) {
	host := vm.Host{Accelerator: machine.Known(e.config.CacheDir, e.config.Accelerator)}
	host.AcceleratorReason = machine.Reason(e.config.CacheDir, host.Accelerator)
	program, err := machine.Find("")
	if err != nil {
		return host, err
	}
	line, err := program.Version(ctx)
	host.Version = versionPattern.FindString(line)
	return host, err
}

// AcceleratorReason implements vm.AcceleratorReporter.
func (e *Engine) AcceleratorReason(name, accelerator string) string {
	if record, err := e.instance(name).dir.ReadRecord(); err == nil && machine.Foreign(record.Machine.Arch) {
		return machine.ForeignReason(record.Machine.Arch)
	}
	return machine.Reason(e.config.CacheDir, accelerator)
}

// HomeProblem implements vm.HomeChecker: it runs a program with views, as QEMU is run.
func (e *Engine) HomeProblem(ctx context.Context) error {
	if runtime.GOOS != "linux" {
		return nil
	}
	program, err := process.LookPath("true")
	if err != nil {
		return err
	}
	return share.Try(ctx, e.config.Executable, e.config.LimaHome, process.Command{Path: program, Dir: "/"})
}
