// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/klog/v2"

	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/logfile"
	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/textfile"
)

const (
	// pollInterval is the time between two observations while another process starts or stops the
	// daemon.
	pollInterval = 20 * time.Millisecond
	// logTail is how many lines of the log are in an error.
	logTail = 8
	// logTailBytes is how much of the log is read for them.
	logTailBytes = 64 << 10
	// crashLogBytes is how much of the log is searched for the cause of a crash.
	crashLogBytes = 2 << 20
)

// startLock returns the path of the lock that a client holds while it starts the daemon, so that
// two clients do not start two.
func startLock(inst instance.Instance) string { return filepath.Join(inst.Dir, "start.lock") }

// Program is the program that is started as daemon.
type Program struct {
	Path string
	// Arguments follow those that every daemon gets.
	Arguments []string
}

// Start starts the daemon if none runs. started says whether this call has. With wait it returns
// when the daemon is ready, and record is valid; an error then says why the daemon has failed. The
// instance's directories must exist.
func Start(ctx context.Context, inst instance.Instance, program Program, wait bool) (
	record presence.Record, started bool, err error,
) {
	lock, err := flock.Wait(ctx, startLock(inst))
	if err != nil {
		return presence.Record{}, false, fmt.Errorf("waiting for another start of the daemon: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	state, record, err := waitWhileChanging(ctx, inst)
	if err != nil || state == Running {
		return record, false, err
	}
	if err := spawn(ctx, inst, program, wait); err != nil {
		return presence.Record{}, false, err
	}
	if !wait {
		return presence.Record{}, true, nil
	}
	_, record, err = Find(inst)
	return record, true, err
}

// waitWhileChanging waits while a daemon is starting or stopping, and returns Stopped or Running.
func waitWhileChanging(ctx context.Context, inst instance.Instance) (State, presence.Record, error) {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		state, record, err := Find(inst)
		if err != nil || state != Changing {
			return state, record, err
		}
		select {
		case <-ctx.Done():
			return state, record, fmt.Errorf("waiting for the daemon, which is starting or stopping: %w", ctx.Err())
		case <-ticker.C:
		}
	}
}

// spawn starts the daemon in the background. With wait it returns when the daemon has reported.
func spawn(ctx context.Context, inst instance.Instance, program Program, wait bool) error {
	log, err := logfile.Open(presence.LogFile(inst), presence.MaxLog)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // nothing was written through it
	stdout, err := logfile.Open(presence.StdoutFile(inst), presence.MaxLog)
	if err != nil {
		return err
	}
	defer func() { _ = stdout.Close() }() // nothing was written through it
	reports, report, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("making a pipe: %w", err)
	}
	defer func() { _ = reports.Close() }()
	began := time.Now()
	offset, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	ended, err := launch(inst, program, stdout, log, report)
	err = errors.Join(err, report.Close())
	if err != nil || !wait {
		return err
	}
	err = presence.AwaitReport(ctx, reports)
	if errors.Is(err, presence.ErrNoReport) {
		err = unreported(ctx, inst, ended, offset)
	}
	return notStarted(ctx, inst, err, began, offset)
}

// launch runs a daemon in the background. The channel gets the result of waiting for it, also when
// it has ended at once.
func launch(inst instance.Instance, program Program, stdout, log, report *os.File) (<-chan error, error) {
	klog.V(2).InfoS("Starting the daemon", "program", program.Path, "arguments", program.Arguments)
	_, ended, err := process.StartDetached(process.Command{
		Path:   program.Path,
		Args:   append(append(inst.Flags(), "service", "serve", "--background"), program.Arguments...),
		Dir:    inst.Dir,
		Stdout: stdout, Stderr: log,
		Files: []*os.File{report},
	})
	if errors.Is(err, process.ErrGone) {
		atOnce := make(chan error, 1)
		atOnce <- err
		return atOnce, nil
	}
	return ended, err
}

// unreportedError is a daemon's end without a report, with what is known of the cause. It wraps
// presence.ErrNoReport.
type unreportedError struct{ cause string }

// Error implements error.
func (e *unreportedError) Error() string { return e.cause }

// Unwrap returns presence.ErrNoReport.
func (e *unreportedError) Unwrap() error { return presence.ErrNoReport }

// unreported returns why a daemon has ended that has not reported it: what its log says since
// offset, else how its process ended.
func unreported(ctx context.Context, inst instance.Instance, ended <-chan error, offset int64) error {
	if added, err := textfile.LinesSince(presence.LogFile(inst), offset, crashLogBytes); err == nil {
		if cause := presence.CrashCause(added); cause != "" {
			return &unreportedError{"it crashed: " + cause}
		}
	}
	select {
	case <-ctx.Done():
		return presence.ErrNoReport
	case err := <-ended:
		if how := process.EndText(err); how != "" {
			return &unreportedError{"it " + how}
		}
		return presence.ErrNoReport
	}
}

// notStarted adds to err, the result of waiting for the report, what a user can do; nil stays nil.
// A daemon that was started at began and has exited without a report may have saved its failure. If
// not, notStarted adds the end of the log, from offset on, and saves the failure.
func notStarted(ctx context.Context, inst instance.Instance, err error, began time.Time, offset int64) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, presence.ErrUnready):
		return fmt.Errorf("%w; to see how far it is: rdd service status, rdd service logs: %w", err, ctx.Err())
	case errors.Is(err, presence.ErrNoReport):
		if saved, loadErr := presence.LastFailure(inst); loadErr == nil && saved != nil && !saved.Time.Before(began) {
			return fmt.Errorf("the daemon did not start: %s", strings.Join(saved.Lines, "\n"))
		}
		err = fmt.Errorf("the daemon did not start: %w%s", err, tail(presence.LogFile(inst), offset))
		return errors.Join(err, presence.NewFailure(time.Now(), err).Save(inst))
	default:
		return fmt.Errorf("the daemon did not start: %w", err)
	}
}

// tail returns the last lines of a log after offset, as the end of an error message; empty when
// there are none or the log cannot be read.
func tail(path string, offset int64) string {
	added, err := textfile.LinesSince(path, offset, logTailBytes)
	lines := textfile.LastLines(added, logTail)
	if err != nil || len(lines) == 0 {
		return ""
	}
	return fmt.Sprintf("\nThe end of %s:\n  %s", path, strings.Join(lines, "\n  "))
}

// Launch starts the daemon in the background if none runs, and does not wait until it is ready. The
// instance's directories must exist.
func Launch(ctx context.Context, inst instance.Instance, options Options) error {
	program, err := options.program()
	if err != nil {
		return err
	}
	_, _, err = Start(ctx, inst, program, false)
	return err
}
