// SPDX-License-Identifier: Apache-2.0

// Package qemu is the engine that makes the disks of virtual machines itself and
// runs them under QEMU, each with a hostagent of its own.
//
// An instance is the directory LIMA_HOME/NAME (package vmdir). What the engine reports is read from there: records, and
// the two locks that say who lives. The only state of an Engine object is the work it does in the background, creating
// and deleting; when the daemon dies in the middle, the next Apply or Delete carries on.
//
// Starting takes the hostagent's lock, writes down what is started, and hands lock and socket to the new
// process: from the moment Start returns the machine is starting, whatever becomes of the daemon.
package qemu

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

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

// Engine implements vm.Engine and the abilities below.
type Engine struct {
	config Config
	home   vmdir.Home
	works  *works
	names  keyedMutex
}

var (
	_ vm.Engine          = &Engine{}
	_ vm.GuestRunner     = &Engine{}
	_ vm.PathMapper      = &Engine{}
	_ vm.LogFinder       = &Engine{}
	_ vm.Historian       = &Engine{}
	_ vm.DirectoryReader = &Engine{}
	_ vm.HostReporter    = &Engine{}
	_ vm.HomeChecker     = &Engine{}
)

// New returns an Engine. It touches nothing yet.
func New(config Config) *Engine {
	return &Engine{config: config, home: vmdir.Home(config.LimaHome), works: newWorks()}
}

func (e *Engine) dir(name string) vmdir.Dir { return vmdir.In(e.config.LimaHome, name) }

// existing is the directory of an instance, whoever made it: vm.ErrNotFound.
func (e *Engine) existing(name string) (vmdir.Dir, error) {
	dir := e.dir(name)
	if name != filepath.Base(name) {
		return dir, fmt.Errorf("instance %q: %w", name, vm.ErrNotFound) // a path that leads elsewhere
	}
	_, err := os.Stat(string(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return dir, fmt.Errorf("instance %s: %w", name, vm.ErrNotFound)
	}
	if err != nil {
		return dir, fmt.Errorf("looking for instance %s: %w", name, err)
	}
	return dir, nil
}

// owned reads an instance's record on behalf of its owner: vm.ErrNotFound, *vm.NameTakenError.
func (e *Engine) owned(owner vm.Owner, name string) (vmdir.Record, error) {
	record, err := e.dir(name).ReadRecord()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return vmdir.Record{}, fmt.Errorf("instance %s: %w", name, vm.ErrNotFound)
	case errors.Is(err, vmdir.ErrForeign):
		return vmdir.Record{}, &vm.NameTakenError{Name: name}
	case err != nil:
		return vmdir.Record{}, err
	case owner.UID == "" || record.Owner.UID != owner.UID:
		return vmdir.Record{}, &vm.NameTakenError{Name: name, Owner: record.Owner}
	}
	return record, nil
}

// busy returns vm.ErrBusy with what is going on.
func busy(name, what string) error {
	return fmt.Errorf("instance %s is %s: %w", name, what, vm.ErrBusy)
}

// List implements vm.Engine.
func (e *Engine) List(ctx context.Context) ([]vm.State, error) {
	names, err := e.home.Instances()
	if err != nil {
		return nil, err
	}
	var states []vm.State
	for _, name := range names {
		state, err := e.Observe(ctx, name)
		if errors.Is(err, vm.ErrNotFound) {
			continue // deleted since
		}
		if err != nil {
			return nil, err
		}
		states = append(states, state)
	}
	return states, nil
}
