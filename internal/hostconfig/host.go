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

// Names of what is changed.
const (
	Context = "docker-context"
	Current = "docker-current-context"
	Socket  = "docker-socket"
)

// Names are all of them, in the order in which they are shown.
func Names() []string { return []string{Context, Current, Socket} }

// DefaultSocket is where docker's default context looks for its engine.
const DefaultSocket = "/var/run/docker.sock"

// lockTimeout bounds the wait for other instances, which may be asking an engine whether it works.
const lockTimeout = 20 * time.Second

// Environment is what docker is told by its environment.
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
	// Record is the file that says what was done.
	Record string
	// Lock is the file by which all instances of the user take turns.
	Lock string
	// Link is where a link to the socket is made on request; empty means DefaultSocket.
	Link string
	// Environment of this process.
	Environment Environment
	// Recorded prefers the environment that the daemon has recorded: it decides.
	Recorded bool
}

// For fills in what an instance's Options are.
func For(inst instance.Instance, env Environment) Options {
	return Options{
		Name: inst.DockerContext(), Socket: inst.DockerSocket(),
		Record: inst.IntegrationFile(), Lock: inst.IntegrationLock(), Environment: env,
	}
}

// Host is the user's host as one instance changes it.
type Host struct {
	Options
	files files
	works func(ctx context.Context, e endpoint) bool
}

// New makes a Host; nothing is read or changed yet.
func New(o Options) *Host {
	if o.Link == "" {
		o.Link = DefaultSocket
	}
	return &Host{Options: o, files: diskFiles{}, works: works}
}

// Want is what the host should be like.
type Want struct {
	// Docker says that there is a Docker engine, running or not.
	Docker bool
	// Ready is when the engine became ready, as any text; empty when it is not.
	Ready string
}

// Problem is something that could not be done and keeps to be so until somebody acts.
type Problem struct {
	Name string `json:"name"`
	// What is wrong, and the way out.
	What   string `json:"what"`
	WayOut string `json:"wayOut,omitempty"`
}

// Error implements error.
func (p *Problem) Error() string {
	if p.WayOut == "" {
		return p.Name + ": " + p.What
	}
	return fmt.Sprintf("%s: %s; %s", p.Name, p.What, p.WayOut)
}

// Report is how far Apply came.
type Report struct {
	// Problems there are, and those of them that there were not before.
	Problems, Fresh []Problem
}

// Apply makes the host what is wanted; without a Docker engine everything is undone. An error means
// that nothing more can be said; what is merely in the way of one thing is a Problem, and all else
// goes on.
func (h *Host) Apply(ctx context.Context, want Want) (Report, error) {
	var report Report
	err := h.locked(ctx, func(s *session) (err error) {
		report, err = s.apply(ctx, want)
		return err
	})
	return report, err
}

// TurnOff undoes the named things and keeps them so.
func (h *Host) TurnOff(ctx context.Context, names ...string) error {
	return h.locked(ctx, func(s *session) error {
		for _, name := range names {
			if name != Socket && !s.off(name) {
				s.Off = append(s.Off, name)
			}
			s.On = without(s.On, name)
		}
		steps := map[string][]step{Context: {s.undoCurrent, s.undoContext}, Current: {s.takeBack}, Socket: {s.unlink}}
		var undo []step
		for _, name := range names {
			undo = append(undo, steps[name]...)
		}
		if err := s.finish(names, s.run(undo...)); err != nil {
			return err
		}
		return s.problem()
	})
}

// TurnOn takes TurnOff back, or asks for what is not done by itself, and applies it.
func (h *Host) TurnOn(ctx context.Context, want Want, names ...string) error {
	return h.locked(ctx, func(s *session) error {
		for _, name := range names {
			s.Off = without(s.Off, name)
			switch {
			case name == Current:
				s.Judged = judgement{}
			case name == Socket && !slices.Contains(s.On, name):
				s.On = append(s.On, name)
			}
		}
		if _, err := s.apply(ctx, want); err != nil {
			return err
		}
		s.problems = slices.DeleteFunc(s.problems, func(p Problem) bool { return !slices.Contains(names, p.Name) })
		if slices.ContainsFunc(s.problems, func(p Problem) bool { return p.Name == Socket }) {
			s.On = without(s.On, Socket) // it was refused
			return errors.Join(s.problem(), s.finish([]string{Socket}, nil))
		}
		return s.problem()
	})
}

func without(names []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
}

// session is the record under the lock.
type session struct {
	host *Host
	record
	problems []Problem
}

// locked runs do alone among all instances of the user.
func (h *Host) locked(ctx context.Context, do func(*session) error) (err error) {
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
	s := &session{host: h}
	if s.record, err = readRecord(h.Record); err != nil {
		return err
	}
	return do(s)
}

// environment is the one that decides.
func (h *Host) environment(r record) Environment {
	if h.Recorded && r.Environment != nil {
		return *r.Environment
	}
	return h.Environment
}

func (s *session) environment() Environment { return s.host.environment(s.record) }
