// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"fmt"
	"log/slog"
	"os"

	"rancherdesktop.io/rdd/internal/daemon/wiring"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/version"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu"
	"rancherdesktop.io/rdd/internal/vm/qemu/machine"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// OpenEngine opens the QEMU engine for what commands do with instances directly. It is not for
// creating and starting instances, which the daemon does with the engines of NewEngines.
func OpenEngine(inst instance.Instance) vm.Engine {
	return qemu.New(qemu.Config{LimaHome: inst.LimaHome(), CacheDir: inst.CacheDir, Log: slog.Default()})
}

// NewEngines returns the engines of the daemon. The error says what cannot be found out about this
// process or its user.
func NewEngines(inst instance.Instance) (wiring.Engines, error) {
	process, err := thisProcess(version.Get(), slog.Default())
	if err != nil {
		return wiring.Engines{}, err
	}
	return wiring.NewEngines(inst, process), nil
}

// acceleratorVariable is the environment variable that overrides the choice of the accelerator.
const acceleratorVariable = "RDD_VM_ACCEL"

// thisProcess returns what engines need to know of this program and its user.
func thisProcess(version string, log *slog.Logger) (wiring.Process, error) {
	accelerator := os.Getenv(acceleratorVariable)
	if err := machine.ParseOverride(accelerator); err != nil {
		return wiring.Process{}, fmt.Errorf("%s: %w", acceleratorVariable, err)
	}
	executable, err := os.Executable()
	if err != nil {
		return wiring.Process{}, fmt.Errorf("finding this program: %w", err)
	}
	host, err := hostUser()
	if err != nil {
		return wiring.Process{}, err
	}
	return wiring.Process{
		Executable: executable, Accelerator: accelerator, Version: version, User: host, Proxies: template.Proxies(os.Getenv), Log: log,
	}, nil
}

func hostUser() (vmdir.User, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return vmdir.User{}, fmt.Errorf("finding the home directory: %w", err)
	}
	return vmdir.User{Name: instance.UserName(), UID: os.Getuid(), Home: home}, nil
}
