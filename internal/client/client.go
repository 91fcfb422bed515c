// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"rancherdesktop.io/rdd/api/scheme"
	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/regular"
	"rancherdesktop.io/rdd/internal/version"
)

// ErrNotRunning says that the daemon does not run, and that Options.NoStart is set.
var ErrNotRunning = errors.New("the daemon is not running; start it with: rdd service start")

// NewerError says that the running daemon is newer than this program, which must not use it.
type NewerError struct{ Daemon, Client version.Build }

func (e *NewerError) Error() string {
	return fmt.Sprintf("the running daemon is version %s, newer than this rdd (%s): "+
		"use the newer rdd, or end the daemon first with: rdd service stop", e.Daemon.Text(), e.Client.Text())
}

// Options are the options of Connect and Ensure.
type Options struct {
	// Build is this program's. An older daemon is replaced, a newer one is a *NewerError. An empty
	// version accepts every daemon.
	Build version.Build
	// NoStart makes them fail with ErrNotRunning instead of starting a daemon.
	NoStart bool
	// Arguments are further ones of `rdd service serve`, for a daemon that is started.
	Arguments []string
	// Warnings gets what the API warns of, a line each; nil: that is lost.
	Warnings io.Writer
	// Executable is the path of the program that is started as daemon; empty means this program.
	Executable string
}

// Client is a client of the API of one instance.
type Client struct {
	ctrlclient.WithWatch
	// Config is the client configuration of the instance's user.
	Config *rest.Config
	// Daemon is the record of the daemon.
	Daemon presence.Record
}

// Connect ensures that a daemon runs, as Ensure does, and returns a client of its API. Errors are
// those of Ensure and of Config.
func Connect(ctx context.Context, inst instance.Instance, options Options) (*Client, error) {
	record, err := Ensure(ctx, inst, options)
	if err != nil {
		return nil, err
	}
	config, err := Config(inst)
	if err != nil {
		return nil, err
	}
	config.QPS = -1 // the server is on this machine: no throttling
	if options.Warnings != nil {
		config.WarningHandler = rest.NewWarningWriter(options.Warnings, rest.WarningWriterOptions{Deduplicate: true})
	}
	known := scheme.New()
	// Clients do not log. Without a logger controller-runtime prints a warning with a stack when a
	// client is created half a minute after the program's start.
	log.SetLogger(logr.Discard())
	client, err := ctrlclient.NewWithWatch(config, ctrlclient.Options{Scheme: known, Mapper: scheme.NewMapper(known)})
	if err != nil {
		return nil, fmt.Errorf("building a client of instance %q: %w", inst.Name, err)
	}
	return &Client{WithWatch: client, Config: config, Daemon: record}, nil
}

// Config reads the client configuration of the instance's user from the kubeconfig. A running
// daemon restores a kubeconfig that was changed or removed.
func Config(inst instance.Instance) (*rest.Config, error) {
	config, err := loadConfig(inst.ConfigFile())
	if err == nil {
		return config, nil
	}
	return nil, fmt.Errorf("reading the kubeconfig %s, which the daemon writes anew within seconds or when it starts: %w",
		inst.ConfigFile(), err)
}

func loadConfig(path string) (*rest.Config, error) {
	data, err := regular.ReadFile(path)
	if err != nil {
		return nil, err
	}
	file, err := clientcmd.Load(data)
	if err != nil {
		return nil, err
	}
	config, err := clientcmd.NewDefaultClientConfig(*file, nil).ClientConfig()
	if err == nil && config.BearerToken == "" {
		err = errors.New("it holds no token")
	}
	return config, err
}

// Ensure returns the record of a daemon that is ready and not older than this program. If need be
// it creates the instance's directories and starts a daemon, or stops an older one and starts
// another. It returns ErrNotRunning or a *NewerError as Options says.
func Ensure(ctx context.Context, inst instance.Instance, options Options) (presence.Record, error) {
	state, record, err := Find(inst)
	if err != nil {
		return presence.Record{}, err
	}
	if state == Stopped && options.NoStart {
		return presence.Record{}, ErrNotRunning
	}
	if state != Running {
		return start(ctx, inst, options)
	}
	switch order := compare(record.Build, options.Build); {
	case order > 0:
		return presence.Record{}, &NewerError{Daemon: record.Build, Client: options.Build}
	case order < 0:
		if _, err := Stop(ctx, inst); err != nil {
			return presence.Record{}, fmt.Errorf("restarting the older daemon: %w", err)
		}
		return start(ctx, inst, options)
	}
	return record, nil
}

// compare returns a negative number when the daemon is older than this program, and a positive one
// when it is newer.
func compare(daemon, own version.Build) int {
	switch {
	case own.Version == "":
		return 0
	case daemon.Version == "":
		return -1 // its record is from before records had a version
	}
	return daemon.Compare(own)
}

func start(ctx context.Context, inst instance.Instance, options Options) (presence.Record, error) {
	if err := presence.CheckRoom(inst); err != nil {
		return presence.Record{}, err
	}
	if err := inst.MakeDirs(); err != nil {
		return presence.Record{}, err
	}
	program, err := options.program()
	if err != nil {
		return presence.Record{}, err
	}
	record, _, err := Start(ctx, inst, program, true)
	return record, err
}

func (o Options) program() (Program, error) {
	if o.Executable != "" {
		return Program{Path: o.Executable, Arguments: o.Arguments}, nil
	}
	path, err := os.Executable()
	if err != nil {
		return Program{}, fmt.Errorf("finding this program: %w", err)
	}
	return Program{Path: path, Arguments: o.Arguments}, nil
}
