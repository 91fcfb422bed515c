// SPDX-License-Identifier: Apache-2.0

package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Wait returns nil when the identified process has ended, or ctx's error. The process need not be a
// child of this one. Waiting costs neither a thread nor a timer: a pidfd becomes readable when its
// process ends (pidfd_open(2)).
func (id Identity) Wait(ctx context.Context) error {
	fd, err := unix.PidfdOpen(id.PID, unix.PIDFD_NONBLOCK)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("opening process %d: %w", id.PID, err)
	}
	pidfd := os.NewFile(uintptr(fd), "pidfd")
	defer func() { _ = pidfd.Close() }()
	// A process whose first thread has ended looks like a zombie while the others still hold files and
	// locks. Only the pidfd knows when all of them have ended.
	if now, err := identifyAny(id.PID); err != nil || now != id {
		return nil //nolint:nilerr // the process is gone, and its PID may be another's
	}
	stop := context.AfterFunc(ctx, func() { _ = pidfd.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := waitReadable(pidfd); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return fmt.Errorf("waiting for process %d to end: %w", id.PID, err)
	}
	return nil
}

// waitReadable has Go's poller wait, which SetReadDeadline interrupts. The poll(2) tells readiness
// from a wake-up without cause.
func waitReadable(file *os.File) error {
	conn, err := file.SyscallConn()
	if err != nil {
		return err
	}
	return conn.Read(func(fd uintptr) bool {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		return n > 0 && err == nil
	})
}
