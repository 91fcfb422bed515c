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

// Engines do the work on the host that the controllers decide about.
type Engines struct {
	// Machines runs the virtual machines.
	Machines vm.Engine
	// Containers follows the App's container engine.
	Containers Monitor
}

// Monitor is an engine.Monitor that can be closed.
type Monitor interface {
	engine.Monitor
	// Close cancels all work, and waits until it has ended.
	Close()
}

// EnginesFunc builds the engines of an instance.
type EnginesFunc = func(instance.Instance) (Engines, error)

// Process is what the engines know of the program that runs them, and of its user.
type Process struct {
	// Executable is the path of this program, which is run as hostagent for each virtual machine.
	Executable string
	// Version is this program's version.
	Version string
	// User is the user that guests have.
	User vmdir.User
	// Accelerator replaces the accelerator of guests, in the format of machine.ParseOverride; empty
	// means the best one that works.
	Accelerator string
	// Proxies are the proxy variables of the environment: see template.Proxies.
	Proxies map[string]string
	Log     *slog.Logger
}

// NewMachines builds the engine that runs an instance's virtual machines.
func NewMachines(inst instance.Instance, p Process) *qemu.Engine {
	return qemu.New(qemu.Config{
		LimaHome: inst.LimaHome(), CacheDir: inst.CacheDir, Images: image.NewStore(inst.ImageDir(), build.New(), fetch.New()),
		Executable: p.Executable, Accelerator: p.Accelerator, Version: p.Version, User: p.User,
		Proxies: p.Proxies, Log: p.Log,
	})
}

// NewEngines builds the engines of an instance.
func NewEngines(inst instance.Instance, p Process) Engines {
	machines := NewMachines(inst, p)
	return Engines{
		Machines: machines,
		Containers: containers.NewMonitor(containers.Config{
			DockerSocket: inst.DockerSocket(), Shell: machines.RunInGuest, Log: slog.New(logr.ToSlogHandler(klog.Background())),
		}),
	}
}
