// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/instance"
)

// Names of the settings.
const (
	Context = "docker-context"
	Current = "docker-current-context"
	Socket  = "docker-socket"
)

// Names lists the settings in the order in which they are shown.
func Names() []string { return []string{Context, Current, Socket} }

// DefaultSocket is the socket of docker's default context.
const DefaultSocket = "/var/run/docker.sock"

// lockTimeout bounds the wait for other instances, which may be pinging a container engine.
const lockTimeout = 20 * time.Second

// Environment is what environment variables say to docker.
type Environment struct {
	// ConfigDir holds docker's config.json and its contexts.
	ConfigDir string `json:"configDir"`
	// Context and Host are DOCKER_CONTEXT and DOCKER_HOST.
	Context string `json:"context,omitempty"`
	Host    string `json:"host,omitempty"`
}

// Options of New.
type Options struct {
	// Name of the docker context.
	Name string
	// Socket is the instance's Docker socket.
	Socket string
	// Record is the file that says what was done to the host.
	Record string
	// Lock is the file that all instances of the user lock before they change the host.
	Lock string
	// Link is the path at which a link to Socket is made on request; empty means DefaultSocket.
	Link string
	// Environment of this process.
	Environment Environment
	// Recorded makes the environment that the daemon has recorded win over Environment. Commands set
	// it: they must change the configuration that the daemon changes.
	Recorded bool
}

// For returns the Options of an instance.
func For(inst instance.Instance, env Environment) Options {
	return Options{
		Name: inst.DockerContext(), Socket: inst.DockerSocket(),
		Record: inst.IntegrationFile(), Lock: inst.IntegrationLock(), Environment: env,
	}
}

// Host is the user's host as one instance changes it. It is safe for use by several processes,
// which share the lock.
type Host struct {
	Options
	files files
	works func(ctx context.Context, e endpoint) bool
}

// New returns a Host. It reads and changes nothing yet.
func New(o Options) *Host {
	if o.Link == "" {
		o.Link = DefaultSocket
	}
	return &Host{Options: o, files: diskFiles{}, works: works}
}

// Want is what an instance wants of the host; its zero value is to undo everything.
type Want struct {
	// Docker says that the instance has a Docker engine, running or not.
	Docker bool
	// Ready identifies the time at which the engine became ready; empty while it is not.
	Ready string
}

// Problem is why a setting could not be changed. It persists until somebody acts.
type Problem struct {
	// Name of the setting.
	Name string `json:"name"`
	// What is wrong.
	What string `json:"what"`
	// Remedy is what to do about it.
	Remedy string `json:"wayOut,omitempty"`
}

// Error implements error.
func (p *Problem) Error() string {
	if p.Remedy == "" {
		return p.Name + ": " + p.What
	}
	return fmt.Sprintf("%s: %s; %s", p.Name, p.What, p.Remedy)
}

// Report is the result of Apply.
type Report struct {
	// Problems of all settings. Fresh are those that the last Apply did not have, so that each is
	// reported once.
	Problems, Fresh []Problem
}

// Apply makes the host what is wanted. Without a Docker engine it undoes everything. What prevents
// the change of one setting is a Problem of the report, and the other settings are changed all the
// same. An error means that the lock or the record could not be had.
func (h *Host) Apply(ctx context.Context, want Want) (Report, error) {
	var report Report
	err := h.locked(ctx, func(tx *transaction) (err error) {
		report, err = tx.apply(ctx, want)
		return err
	})
	return report, err
}

// TurnOff undoes the named settings and has Apply leave them alone from then on. Problems are
// returned as errors.
func (h *Host) TurnOff(ctx context.Context, names ...string) error {
	return h.locked(ctx, func(tx *transaction) error {
		for _, name := range names {
			if name != Socket && !tx.off(name) {
				tx.Off = append(tx.Off, name)
			}
			tx.On = without(tx.On, name)
		}
		if err := tx.finish(names, tx.run(tx.undoing(names)...)); err != nil {
			return err
		}
		return tx.problem()
	})
}

// TurnOn takes TurnOff back for the named settings, or asks for the one that is not made by itself,
// and applies want. Problems of the named settings are returned as errors.
func (h *Host) TurnOn(ctx context.Context, want Want, names ...string) error {
	return h.locked(ctx, func(tx *transaction) error {
		for _, name := range names {
			tx.Off = without(tx.Off, name)
			switch {
			case name == Current:
				tx.Decision = decision{}
			case name == Socket && !slices.Contains(tx.On, name):
				tx.On = append(tx.On, name)
			}
		}
		if _, err := tx.apply(ctx, want); err != nil {
			return err
		}
		tx.problems = slices.DeleteFunc(tx.problems, func(p Problem) bool { return !slices.Contains(names, p.Name) })
		if slices.ContainsFunc(tx.problems, func(p Problem) bool { return p.Name == Socket }) {
			tx.On = without(tx.On, Socket) // it failed: it is not tried again before it is asked for again
			return errors.Join(tx.problem(), tx.finish([]string{Socket}, nil))
		}
		return tx.problem()
	})
}

func without(names []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
}

// transaction holds the record while the lock is held, and the problems of this call.
type transaction struct {
	host *Host
	record
	problems []Problem
	// unrecorded says that there is no directory for the record. The copy of the original is then all
	// that an interrupted write can be mended from.
	unrecorded bool
}

// locked runs do while it holds the lock of all instances of the user.
func (h *Host) locked(ctx context.Context, do func(*transaction) error) (err error) {
	if err := os.MkdirAll(filepath.Dir(h.Lock), 0o700); err != nil {
		return fmt.Errorf("making the directory of a lock: %w", err)
	}
	waiting, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	lock, err := flock.Wait(waiting, h.Lock)
	if err != nil {
		return fmt.Errorf("waiting for other instances to change the host: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	tx := &transaction{host: h}
	if tx.record, err = readRecord(h.Record); err != nil {
		return err
	}
	if err := tx.run(tx.mend); err != nil {
		return err
	}
	return do(tx)
}

// environment is the environment that decides which configuration of docker's is changed.
func (h *Host) environment(r record) Environment {
	if h.Recorded && r.Environment != nil {
		return *r.Environment
	}
	return h.Environment
}

func (tx *transaction) environment() Environment { return tx.host.environment(tx.record) }
