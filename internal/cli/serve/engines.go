// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"log/slog"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"

	"rancherdesktop.io/rdd/internal/containers"
	"rancherdesktop.io/rdd/internal/daemon"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/version"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu"
)

// OpenEngine opens the engine that rdd comes with, for what commands do with instances directly. It is
// not for creating and starting them: that is the daemon's.
func OpenEngine(inst instance.Instance) vm.Engine {
	return qemu.New(qemu.Config{LimaHome: inst.LimaHome(), CacheDir: inst.CacheDir, Log: slog.Default()})
}

// NewEngines makes the engines that rdd comes with.
func NewEngines(inst instance.Instance) (daemon.Engines, error) {
	machines, err := newQEMUEngine(inst, version.Get(), slog.Default())
	if err != nil {
		return daemon.Engines{}, err
	}
	return daemon.Engines{
		Machines: machines,
		Containers: containers.NewMonitor(containers.Config{
			DockerSocket: inst.DockerSocket(), Shell: machines.RunInGuest, Log: slog.New(logr.ToSlogHandler(klog.Background())),
		}),
	}, nil
}
