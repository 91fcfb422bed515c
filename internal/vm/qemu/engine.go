// SPDX-License-Identifier: Apache-2.0

// Package qemu is the engine that makes the disks of virtual machines itself and
// runs them under QEMU, each with a hostagent of its own.
//
// An instance is the directory LIMA_HOME/NAME (package vmdir). What the engine reports is read from
// there: records, and the two locks that say who lives. The only state of an Engine object is the
// work it does in the background, creating and deleting; when the daemon dies in the middle, the
// next Apply or Delete carries on.
//
// Starting takes the hostagent's lock, writes down what is started, and hands lock and socket to
// the new process: from the moment Start returns the machine is starting, whatever becomes of the
// daemon.
package qemu

import (
	"context"
	"log/slog"

	"k8s.io/utils/keymutex"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// Config is what an Engine needs. All fields must be set but Accelerator.
type Config struct {
	// LimaHome holds the instance directories.
	LimaHome string
	// CacheDir keeps what was found out about the host, for all rdd instances.
	CacheDir string
	// Images is the cache of guest images: an *image.Store.
	Images Images
	// Executable is rdd: hostagents are started by `rdd hostagent`.
	Executable string
	// Accelerator is "kvm" or "tcg"; empty chooses what works.
	Accelerator string
	// Version of this rdd.
	Version string
	// User is the host's user.
	User vmdir.User
	Log  *slog.Logger
}

// Images is what an Engine needs of the cache of guest images; see image.Store.
type Images interface {
	Names() []string
	Obtain(ctx context.Context, sources []image.Source, progress func(image.Progress)) (image.Image, error)
	Use(img image.Image, instanceDir string) error
	Kernel() (kernel, initrd string, err error)
}

// nameLocks is how many locks the names of the instances share.
const nameLocks = 1 << 10

// Engine implements vm.Engine and the abilities below.
type Engine struct {
	config Config
	home   vmdir.Home
	works  *works
	// names keeps calls for one instance apart. Two names may share a lock. That is rare, for there
	// are many, and harmless: no call takes two, and each is short, but for a stop by force that
	// waits up to half a minute for a hostagent that hangs.
	names keymutex.KeyMutex
}

var (
	_ vm.Engine          = &Engine{}
	_ vm.GuestRunner     = &Engine{}
	_ vm.PathMapper      = &Engine{}
	_ vm.LogFinder       = &Engine{}
	_ vm.Historian       = &Engine{}
	_ vm.DirectoryReader = &Engine{}
	_ vm.Adopter         = &Engine{}
	_ vm.HostReporter    = &Engine{}
	_ vm.HomeChecker     = &Engine{}

	_ vm.AcceleratorReporter = &Engine{}
)

// New returns an Engine. It touches nothing yet.
func New(config Config) *Engine {
	return &Engine{config: config, home: vmdir.Home(config.LimaHome), works: newWorks(), names: keymutex.NewHashed(nameLocks)}
}
