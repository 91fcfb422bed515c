// SPDX-License-Identifier: Apache-2.0

// Package qemu is the engine that runs virtual machines under QEMU, each with a hostagent of its
// own.
//
// An instance is the directory LIMA_HOME/NAME (package vmdir). What the engine reports is read from
// there: records, and the two locks that say which processes are alive. The only state of an Engine
// object is the work it does in the background, creating and deleting. When the daemon dies in the
// middle, the next Apply or Delete carries on.
//
// A machine depends on nothing but its directory: the disk is an overlay on the image's, which is
// there, too. Machines of older rdd, whose disks refer to the cache of images, are given the
// image's files when they are stopped.
//
// Start takes the hostagent's lock, records what is started, and hands lock and socket down to the
// new process. From the moment it returns the machine is starting, even if the daemon dies.
//
// Tests run against a stand-in for QEMU, this package's own test binary; with RDD_TEST_GUEST=1 they
// boot real guests as well.
package qemu

import (
	"context"
	"log/slog"
	"sync"

	"k8s.io/utils/keymutex"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// Config is what an Engine needs. All fields must be set but Accelerator and Proxies.
type Config struct {
	// LimaHome holds the instance directories.
	LimaHome string
	// CacheDir keeps the results of trials of the accelerator, for all rdd instances.
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
	// Proxies are the host's proxy variables: see template.Proxies.
	Proxies map[string]string
	Log     *slog.Logger
}

// Images is what an Engine needs of the cache of guest images; see image.Store.
type Images interface {
	Names() []string
	Obtain(ctx context.Context, sources []image.Source, progress func(image.Progress)) (image.Image, error)
	GetDigest(digest string) (image.Image, error)
	Place(ctx context.Context, instanceDir string, files []image.Placement, linksOnly bool) (shared bool, err error)
	Forget(instanceDir string) error
	Move(from, to string) error
	Kernel() (kernel, initrd string, err error)
}

// nameLocks is how many locks the names of the instances share.
const nameLocks = 1 << 10

// Engine implements vm.Engine and the abilities below.
type Engine struct {
	config Config
	home   vmdir.Home
	works  *works
	bases  *bases
	// names serialises the calls for one instance. Two names may share a lock. That is rare, as
	// there are many locks, and harmless: no call takes two, and each is short. Only a stop by
	// force may hold one for up to half a minute, when a hostagent hangs.
	names keymutex.KeyMutex
	// renaming has the names of instances whose hostagent's lock is held because they are renamed.
	renaming sync.Map
}

var (
	_ vm.Engine          = &Engine{}
	_ vm.GuestRunner     = &Engine{}
	_ vm.PathMapper      = &Engine{}
	_ vm.LogFinder       = &Engine{}
	_ vm.Historian       = &Engine{}
	_ vm.DirectoryReader = &Engine{}
	_ vm.Adopter         = &Engine{}
	_ vm.Renamer         = &Engine{}
	_ vm.HostReporter    = &Engine{}
	_ vm.HomeChecker     = &Engine{}
	_ vm.DiskKeeper      = &Engine{}
	_ vm.SSHReporter     = &Engine{}

	_ vm.AcceleratorReporter = &Engine{}
)

// New returns an Engine. It reads and writes nothing yet.
func New(config Config) *Engine {
	return &Engine{
		config: config, home: vmdir.Home(config.LimaHome), works: newWorks(), bases: newBases(), names: keymutex.NewHashed(nameLocks),
	}
}
