// SPDX-License-Identifier: Apache-2.0

package sshx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"rancherdesktop.io/rdd/internal/atomicfile"
)

// acceptPause after a failure to accept a connection: a process that has run out of descriptors may
// get some back.
const acceptPause = 100 * time.Millisecond

// ListenUnix opens a socket with mode 0600 and makes its directory. A socket that a process left
// behind when it ended is replaced. One that answers, or another kind of file, is an error.
func ListenUnix(path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("making room for socket %s: %w", path, err)
	}
	if err := checkStale(path); err != nil {
		return nil, err
	}
	if err := atomicfile.Remove(path); err != nil {
		return nil, fmt.Errorf("removing a stale socket: %w", err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("opening socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, fmt.Errorf("protecting socket: %w", errors.Join(err, listener.Close()))
	}
	return listener, nil
}

// RemoveStale removes path when it is a socket on which nobody listens any more. Anything else
// stays, without an error.
func RemoveStale(path string) error {
	if err := checkStale(path); err != nil {
		return nil //nolint:nilerr // it is not ours
	}
	return atomicfile.Remove(path)
}

// checkStale returns an error when path is taken by anything but a socket on which nobody listens.
func checkStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking at socket: %w", err)
	}
	if info.Mode().Type() != os.ModeSocket {
		return fmt.Errorf("%s is in the way: it is no socket", path)
	}
	if conn, err := net.Dial("unix", path); err == nil {
		return errors.Join(fmt.Errorf("socket %s is in use by another process", path), conn.Close())
	}
	return nil
}

// Forward joins each connection that listener accepts with one that dial makes, until listener is
// closed or ctx ends. Connections outlive the listener, but not ctx; Forward returns when the last
// has ended. When dial fails, the accepted connection is closed and the error logged; the next
// connection dials again.
func Forward(ctx context.Context, listener net.Listener, dial func(context.Context) (net.Conn, error), log *slog.Logger) {
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	log = log.With("host", listener.Addr().String())
	var connections sync.WaitGroup
	defer connections.Wait()
	for {
		host, err := listener.Accept()
		switch {
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			if err == nil {
				_ = host.Close()
			}
			return
		case err != nil:
			log.Error("accepting a connection to forward", "error", err)
			pause(ctx, acceptPause)
			continue
		}
		connections.Go(func() {
			if err := forwardOne(ctx, host, dial); err != nil && ctx.Err() == nil {
				log.Warn("forwarding a connection", "error", err)
			}
		})
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// forwardOne joins one connection with a new one to the guest, until both directions or ctx have
// ended.
func forwardOne(ctx context.Context, host net.Conn, dial func(context.Context) (net.Conn, error)) error {
	defer func() { _ = host.Close() }()
	guest, err := dial(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = guest.Close() }()
	stop := context.AfterFunc(ctx, func() { _, _ = host.Close(), guest.Close() })
	defer stop()
	Splice(host, guest)
	return nil
}

// Splice copies both ways until both directions have ended. It passes half-closes on: an attached
// container needs its output after its input has ended. It closes neither connection unless copying
// fails or one cannot be half-closed.
func Splice(a, b net.Conn) {
	var both sync.WaitGroup
	both.Go(func() { pump(a, b) })
	both.Go(func() { pump(b, a) })
	both.Wait()
}

// pump copies one direction and then closes its half. Where that is not possible both connections
// are closed, which ends the other direction too.
func pump(to, from net.Conn) {
	_, err := io.Copy(to, from)
	half, ok := to.(interface{ CloseWrite() error })
	if err != nil || !ok || half.CloseWrite() != nil {
		_ = to.Close()
		_ = from.Close()
	}
}
