// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/textfile"
)

const (
	// readyDescriptor is where a daemon started in the background reports: the word Ready, or why it failed.
	readyDescriptor = 3
	// Ready is what it reports when it is.
	Ready = "ready"
	// pollInterval while somebody else starts or stops the daemon, which is rare.
	pollInterval = 20 * time.Millisecond
	// MaxLog is the size, in bytes, from which on a log is set aside.
	MaxLog = 16 << 20
	// logTail is how many lines of the log an error shows.
	logTail = 8
	// logTailBytes is how far back they are looked for.
	logTailBytes = 64 << 10
)

// startLock is held by whoever starts the daemon, so that two clients do not start two.
func startLock(inst instance.Instance) string { return filepath.Join(inst.Dir, "start.lock") }

// Start makes sure that the daemon runs and, when wait is set, that it is ready; started tells whether this call
// started it. The instance's directories must exist.
func Start(ctx context.Context, inst instance.Instance, executable string, wait bool) (record Record, started bool, err error) {
	lock, err := flock.Wait(ctx, startLock(inst))
	if err != nil {
		return Record{}, false, fmt.Errorf("waiting for another start of the daemon: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	state, record, err := settle(ctx, inst)
	if err != nil || state == Running {
		return record, false, err
	}
	if err := spawn(ctx, inst, executable, wait); err != nil {
		return Record{}, false, err
	}
	if !wait {
		return Record{}, true, nil
	}
	_, record, err = Find(inst)
	return record, true, err
}

// settle waits while a daemon is starting or stopping.
func settle(ctx context.Context, inst instance.Instance) (State, Record, error) {
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

// spawn starts the daemon in the background and waits for its report.
func spawn(ctx context.Context, inst instance.Instance, executable string, wait bool) error {
	log, err := OpenLog(LogFile(inst))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // nothing was written through it
	stdout, err := OpenLog(StdoutFile(inst))
	if err != nil {
		return err
	}
	defer func() { _ = stdout.Close() }() // nothing was written through it
	reports, report, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("making a pipe: %w", err)
	}
	defer func() { _ = reports.Close() }()
	offset, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	_, _, err = process.StartDetached(process.Command{
		Path:   executable,
		Args:   []string{"--instance", inst.Name, "service", "serve", "--background"},
		Dir:    inst.Dir,
		Stdout: stdout, Stderr: log,
		Files: []*os.File{report},
	})
	err = errors.Join(err, report.Close())
	if err != nil || !wait {
		return err
	}
	err = await(ctx, reports)
	if errors.Is(err, errUnready) {
		return fmt.Errorf("%w; to see how far it is: rdd service status, rdd service logs: %w", err, ctx.Err())
	}
	if errors.Is(err, errSilent) {
		return fmt.Errorf("the daemon did not start: %w%s", err, tail(LogFile(inst), offset))
	}
	if err != nil {
		return fmt.Errorf("the daemon did not start: %w", err)
	}
	return nil
}

// Reporter is how a daemon that was started in the background reports, once, to who started it: that it is Ready, or
// why it failed. What the daemon itself starts before does not get the pipe, for whose end the other side waits.
func Reporter() func(text string) {
	syscall.CloseOnExec(readyDescriptor)
	pipe := os.NewFile(readyDescriptor, "report")
	return func(text string) {
		// The starter may be gone, which is its business.
		_, _ = pipe.WriteString(text)
		_ = pipe.Close()
	}
}

// errSilent says that the daemon died without a report; its log may tell why.
var errSilent = errors.New("it ended without a word")

// errUnready says that the wait ended before the daemon was ready.
var errUnready = errors.New("the daemon is not ready yet and goes on starting")

// await reads the daemon's report; an end without one means that it died.
func await(ctx context.Context, reports *os.File) error {
	stop := context.AfterFunc(ctx, func() { _ = reports.SetReadDeadline(time.Now()) })
	defer stop()
	report, err := io.ReadAll(reports)
	switch {
	case ctx.Err() != nil:
		return errUnready
	case err != nil:
		return fmt.Errorf("reading its report: %w", err)
	case len(report) == 0:
		return errSilent
	case string(report) != Ready:
		return errors.New(string(report))
	}
	return nil
}

// OldLog is where a log goes when it is set aside; one that is there already is replaced.
func OldLog(path string) string { return path + ".1" }

// OpenLog opens a log for appending; one that has grown large is set aside first.
func OpenLog(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > MaxLog {
		if err := atomicfile.Rename(path, OldLog(path)); err != nil {
			return nil, fmt.Errorf("setting the old log aside: %w", err)
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the instance's directories are missing: %w", err)
	}
	return f, err
}

// tail returns the last lines that a log got from offset on, for an error message, which does without
// when it cannot be read.
func tail(path string, offset int64) string {
	added, err := textfile.LinesSince(path, offset, logTailBytes)
	lines := textfile.LastLines(added, logTail)
	if err != nil || len(lines) == 0 {
		return ""
	}
	return fmt.Sprintf("\nThe end of %s:\n  %s", path, strings.Join(lines, "\n  "))
}

// Launch starts the daemon in the background, when it is not running, and does not wait for it. The instance's directories must exist.
func Launch(ctx context.Context, inst instance.Instance) error {
	executable, err := Options{}.executable()
	if err != nil {
		return err
	}
	_, _, err = Start(ctx, inst, executable, false)
	return err
}
