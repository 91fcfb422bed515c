// SPDX-License-Identifier: Apache-2.0

// Package process starts, recognises and ends processes of the host. A process
// is recognised by its identity (PID, start time, boot id), never by a PID alone:
// PIDs are used again. It is the only package that uses os/exec.
package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// ErrGone says that the identified process does not exist any more.
var ErrGone = errors.New("process is gone")

// Identity recognises one process for as long as the host runs. It may be stored: a
// process with the same PID but another start time or boot is not the same.
type Identity struct {
	PID int `json:"pid"`
	// StartTime in clock ticks since boot (field 22 of /proc/PID/stat, proc(5)).
	StartTime uint64 `json:"startTime"`
	// BootID of the host's kernel (/proc/sys/kernel/random/boot_id).
	BootID string `json:"bootID"`
}

// Command is a program to start.
type Command struct {
	// Path of the program, as LookPath returns it.
	Path string
	// Args without the program's name.
	Args []string
	// Env of the process; nil means this process's own.
	Env []string
	Dir string
	// Stdin, Stdout, Stderr; nil is the null device.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Files are handed down as descriptors 3, 4, …; the process inherits no others.
	Files []*os.File
	// PrivateMounts lets a detached process begin in a mount namespace of its own and change it:
	// see MountPrivately.
	PrivateMounts bool
}

func (c Command) build(ctx context.Context) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.Path, c.Args...)
	cmd.Env, cmd.Dir = c.Env, c.Dir
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, c.Stdout, c.Stderr
	cmd.ExtraFiles = c.Files
	return cmd
}

// StartDetached starts a process in a session of its own, which outlives this process.
// Stdin, Stdout and Stderr must be nil or *os.File. The returned channel
// gets the result of waiting for it, when this process lives to see that.
func StartDetached(c Command) (Identity, <-chan error, error) {
	cmd := c.build(context.Background())
	if err := detach(cmd); err != nil {
		return Identity{}, nil, err
	}
	if c.PrivateMounts {
		if err := separateMounts(cmd); err != nil {
			return Identity{}, nil, err
		}
	}
	if err := cmd.Start(); err != nil {
		return Identity{}, nil, fmt.Errorf("starting %s: %w", c.Path, err)
	}
	ended := make(chan error, 1)
	id, err := Identify(cmd.Process.Pid)
	go func() { ended <- cmd.Wait() }()
	if err != nil {
		return Identity{}, nil, fmt.Errorf("starting %s: it ended at once: %w", c.Path, err)
	}
	return id, ended, nil
}

// Run runs a program to its end. When ctx ends, or this process dies, the program
// gets SIGKILL (on Linux; its own children are its business).
func Run(ctx context.Context, c Command) error {
	cmd := c.build(ctx)
	return runTied(cmd)
}

// Output runs a program to its end and returns its standard output; the error carries the tail of
// its standard error.
func Output(ctx context.Context, c Command) ([]byte, error) {
	cmd := c.build(ctx)
	cmd.Stdout, cmd.Stderr = nil, nil
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return out, fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	return out, err
}

// LookPath finds a program in PATH and in the sbin directories that ordinary users' PATH lacks.
func LookPath(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	for _, dir := range extraPath {
		candidate := dir + string(os.PathSeparator) + name
		if found, lookErr := exec.LookPath(candidate); lookErr == nil {
			return found, nil
		}
	}
	return "", err
}

// ExitCode returns the exit code that err carries; ok is false when err is not a program's end.
func ExitCode(err error) (code int, ok bool) {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), true
	}
	return 0, false
}
