// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"log/slog"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"

	"rancherdesktop.io/rdd/internal/containers"
	"rancherdesktop.io/rdd/internal/daemon"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/sshx"
	"rancherdesktop.io/rdd/internal/version"
	"rancherdesktop.io/rdd/internal/vm/qemu/shell"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// newEngines makes the engines of the product.
func newEngines(inst instance.Instance) (daemon.Engines, error) {
	machines, err := newQEMUEngine(inst, version.Get(), slog.Default())
	if err != nil {
		return daemon.Engines{}, err
	}
	inGuest := func(ctx context.Context, name string, command sshx.Command) (int, error) {
		return shell.Run(ctx, vmdir.In(inst.LimaHome(), name), command)
	}
	return daemon.Engines{
		Machines: machines,
		Containers: containers.NewMonitor(containers.Config{
			DockerSocket: inst.DockerSocket(), Shell: inGuest, Log: slog.New(logr.ToSlogHandler(klog.Background())),
		}),
	}, nil
}
