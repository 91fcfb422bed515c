// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"log/slog"

	"rancherdesktop.io/rdd/internal/daemon/wiring"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/version"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu"
)

// OpenEngine opens the engine that rdd comes with, for what commands do with instances directly. It
// is not for creating and starting them: that is the daemon's.
func OpenEngine(inst instance.Instance) vm.Engine {
	return qemu.New(qemu.Config{LimaHome: inst.LimaHome(), CacheDir: inst.CacheDir, Log: slog.Default()})
}

// NewEngines makes the engines that rdd comes with.
func NewEngines(inst instance.Instance) (wiring.Engines, error) {
	process, err := thisProcess(version.Get(), slog.Default())
	if err != nil {
		return wiring.Engines{}, err
	}
	return wiring.NewEngines(inst, process), nil
}
