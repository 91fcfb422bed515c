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

	"rancherdesktop.io/rdd/internal/sshx"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
	"rancherdesktop.io/rdd/internal/vm/qemu/shell"
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

// Engine implements vm.Engine and vm.Sheller.
type Engine struct {
	config Config
	home   vmdir.Home
	works  *works
	names  keyedMutex
}

var (
	_ vm.Engine  = &Engine{}
	_ vm.Sheller = &Engine{}
)

// New returns an Engine. It touches nothing yet.
func New(config Config) *Engine {
	return &Engine{config: config, home: vmdir.Home(config.LimaHome), works: newWorks()}
}

func (e *Engine) dir(name string) vmdir.Dir { return vmdir.In(e.config.LimaHome, name) }

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

// Shell implements vm.Sheller.
func (e *Engine) Shell(ctx context.Context, name string) (vm.Shell, error) {
	state, err := e.Observe(ctx, name)
	if err != nil {
		return vm.Shell{}, err
	}
	if state.Phase != vm.PhaseRunning {
		return vm.Shell{}, fmt.Errorf("instance %s: %w", name, vm.ErrNotRunning)
	}
	record, err := e.dir(name).ReadRecord()
	if err != nil {
		return vm.Shell{}, err
	}
	return vm.Shell{
		Address: fmt.Sprintf("127.0.0.1:%d", state.SSHPort), User: record.Machine.User.Name,
		PrivateKeyFile: e.dir(name).UserKey(), KnownHostsFile: e.dir(name).KnownHosts(),
	}, nil
}

// RunInGuest runs a command in a running guest, as sshx.Run does.
func (e *Engine) RunInGuest(ctx context.Context, name string, command sshx.Command) (int, error) {
	return shell.Run(ctx, e.dir(name), command)
}
