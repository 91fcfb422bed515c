// SPDX-License-Identifier: Apache-2.0

// Package process starts, recognises and ends processes of the host. It is the only package that
// uses os/exec.
//
// A process is recognised by its Identity (PID, start time, boot id), never by a PID alone: PIDs
// are used again. An identity may be stored, and compared or signalled by another process later.
//
// On Linux a process can also be started with a mount namespace of its own, in which directories of
// the host are hidden from it (MountPrivately). Tests of that are skipped where the host refuses
// namespaces; mounts in a real guest are tested in test/e2e.
package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
)

// ErrGone says that the identified process has ended, or that nobody listens on a socket.
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
	// Dir is the working directory; empty means this process's own.
	Dir string
	// Stdin, Stdout, Stderr; nil is the null device.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Files are handed down as descriptors 3, 4, …. A detached process inherits no others.
	Files []*os.File
	// PrivateMounts starts a detached process in a mount namespace of its own, which it may change:
	// see MountPrivately.
	PrivateMounts bool
	// OwnFiles lets a detached process use the files of this user and of its group whatever their
	// modes say, as root can. It gets a user namespace for that. Other users' files are as far out of
	// reach as before.
	OwnFiles bool
}

func (c Command) build(ctx context.Context) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.Path, c.Args...)
	cmd.Env, cmd.Dir = c.Env, c.Dir
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, c.Stdout, c.Stderr
	cmd.ExtraFiles = c.Files
	return cmd
}

// StartDetached starts a process in a session of its own, which outlives this process. Stdin,
// Stdout and Stderr must be nil or *os.File, as nobody may be left to copy what it writes. The
// channel gets the result of waiting for the process if this one lives long enough. An error may
// satisfy NamespaceRefused when PrivateMounts or OwnFiles is set. It is ErrGone for a process that
// has ended already; EndText says how.
func StartDetached(c Command) (Identity, <-chan error, error) {
	cmd, err := startSession(c)
	if err != nil {
		return Identity{}, nil, err
	}
	ended := make(chan error, 1)
	// Before Wait, which makes the PID free for another process.
	id, err := Identify(cmd.Process.Pid)
	go func() { ended <- cmd.Wait() }()
	if errors.Is(err, ErrGone) {
		return Identity{}, nil, fmt.Errorf("starting %s: it ended at once: %w", c.Path, errors.Join(err, <-ended))
	}
	if err != nil {
		return Identity{}, nil, fmt.Errorf("starting %s: %w", c.Path, err)
	}
	return id, ended, nil
}

// RunDetached starts a process as StartDetached does and waits for its end, however soon that
// comes. The process runs on when ctx ends first.
func RunDetached(ctx context.Context, c Command) error {
	cmd, err := startSession(c)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func startSession(c Command) (*exec.Cmd, error) {
	cmd := c.build(context.Background())
	if err := detach(cmd); err != nil {
		return nil, err
	}
	if c.PrivateMounts || c.OwnFiles {
		if err := separate(cmd, c); err != nil {
			return nil, err
		}
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.Path, err)
	}
	return cmd, nil
}

// Run runs a program to its end. When ctx ends, the program gets SIGKILL; on Linux also when this
// process dies. The program's own children do not. ExitCode reads the error of a program that
// failed.
func Run(ctx context.Context, c Command) error {
	cmd := c.build(ctx)
	return runTied(cmd)
}

// Output runs a program to its end and returns its standard output, whatever Stdout and Stderr of c
// say. The error of a program that failed carries the beginning and the end of its standard error.
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

// ExitCode returns the exit code that an error of Run or Output carries; -1 when a signal ended the
// program. ok is false when err does not come from the end of a program.
func ExitCode(err error) (code int, ok bool) {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), true
	}
	return 0, false
}

// EndText says how a program ended that failed, to complete the sentence "it …"; err is what
// waiting for it has returned. It is empty for a program that succeeded, or whose end is not known.
func EndText(err error) string {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return ""
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		text := fmt.Sprintf("was killed by signal %d (%s)", int(status.Signal()), status.Signal())
		if status.Signal() == syscall.SIGKILL {
			text += "; the kernel does that when memory is short"
		}
		return text
	}
	return fmt.Sprintf("ended without a word, with exit code %d", exit.ExitCode())
}
