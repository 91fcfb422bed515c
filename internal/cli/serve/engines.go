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
)

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
