// SPDX-License-Identifier: Apache-2.0

package wiring

import (
	"log/slog"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"

	"rancherdesktop.io/rdd/internal/containers"
	"rancherdesktop.io/rdd/internal/controllers/engine"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
	"rancherdesktop.io/rdd/internal/vm/image/build"
	"rancherdesktop.io/rdd/internal/vm/image/fetch"
	"rancherdesktop.io/rdd/internal/vm/qemu"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// Engines do the work on the host.
type Engines struct {
	// Machines runs the virtual machines.
	Machines vm.Engine
	// Containers follows the App's container engine.
	Containers Monitor
}

// Monitor is an engine.Monitor that can be ended.
type Monitor interface {
	engine.Monitor
	// Close ends what goes on, and waits for it.
	Close()
}

// EnginesFunc makes the engines of an instance.
type EnginesFunc = func(instance.Instance) (Engines, error)

// Process is what the engines must know of the program that runs them, and of who runs it.
type Process struct {
	// Executable is this program, which is run for each virtual machine.
	Executable string
	// Version of this program.
	Version string
	// User whom guests know.
	User vmdir.User
	// Accelerator of guests, as machine.ParseOverride accepts it; empty: what works.
	Accelerator string
	Log         *slog.Logger
}

// NewMachines makes the engine that runs an instance's virtual machines.
func NewMachines(inst instance.Instance, p Process) *qemu.Engine {
	return qemu.New(qemu.Config{
		LimaHome: inst.LimaHome(), CacheDir: inst.CacheDir, Images: image.NewStore(inst.ImageDir(), build.New(), fetch.New()),
		Executable: p.Executable, Accelerator: p.Accelerator, Version: p.Version, User: p.User, Log: p.Log,
	})
}

// NewEngines makes the engines of an instance.
func NewEngines(inst instance.Instance, p Process) Engines {
	machines := NewMachines(inst, p)
	return Engines{
		Machines: machines,
		Containers: containers.NewMonitor(containers.Config{
			DockerSocket: inst.DockerSocket(), Shell: machines.RunInGuest, Log: slog.New(logr.ToSlogHandler(klog.Background())),
		}),
	}
}
