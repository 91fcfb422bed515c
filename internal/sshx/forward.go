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

	"rancherdesktop.io/rdd/internal/atomicfile"
)

// Forward makes connections to a Unix socket of the host arrive at a Unix socket of the guest.
type Forward struct {
	HostSocket, GuestSocket string
}

// Listen opens the host's end with mode 0600. A socket left behind by a process that is gone is replaced; one that
// answers, or another kind of file, is an error.
func (f Forward) Listen() (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(f.HostSocket), 0o700); err != nil {
		return nil, fmt.Errorf("making room for socket %s: %w", f.HostSocket, err)
	}
	if err := checkStale(f.HostSocket); err != nil {
		return nil, err
	}
	if err := atomicfile.Remove(f.HostSocket); err != nil {
		return nil, fmt.Errorf("removing a stale socket: %w", err)
	}
	listener, err := net.Listen("unix", f.HostSocket)
	if err != nil {
		return nil, fmt.Errorf("opening socket: %w", err)
	}
	if err := os.Chmod(f.HostSocket, 0o600); err != nil {
		return nil, fmt.Errorf("protecting socket: %w", errors.Join(err, listener.Close()))
	}
	return listener, nil
}

// RemoveStale removes the host's end when it is a socket on which nobody listens any more; anything else stays.
func (f Forward) RemoveStale() error {
	if err := checkStale(f.HostSocket); err != nil {
		return nil //nolint:nilerr // it is not ours
	}
	return atomicfile.Remove(f.HostSocket)
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

// Serve forwards the connections that listener accepts through link until ctx ends, then
// closes all of them. A connection that cannot be made in the guest is closed and logged; the next one tries again.
func (f Forward) Serve(ctx context.Context, listener net.Listener, link *Link, log *slog.Logger) error {
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	var connections sync.WaitGroup
	defer connections.Wait()
	for {
		host, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accepting at %s: %w", f.HostSocket, err)
		}
		connections.Go(func() {
			if err := f.carry(ctx, host, link); err != nil {
				log.Warn("forwarding a connection", "socket", f.HostSocket, "error", err)
			}
		})
	}
}

func (f Forward) carry(ctx context.Context, host net.Conn, link *Link) error {
	defer func() { _ = host.Close() }()
	client, err := link.Client(ctx)
	if err != nil {
		return err
	}
	guest, err := client.Dial("unix", f.GuestSocket)
	if err != nil {
		return fmt.Errorf("connecting to %s in the guest: %w", f.GuestSocket, err)
	}
	defer func() { _ = guest.Close() }()
	stop := context.AfterFunc(ctx, func() { _, _ = host.Close(), guest.Close() })
	defer stop()
	Splice(host, guest)
	return nil
}

// Splice copies both ways until both directions have ended, passing half-closes on:
// an attached container needs its output after its input has ended.
func Splice(a, b net.Conn) {
	var both sync.WaitGroup
	both.Go(func() { pump(a, b) })
	both.Go(func() { pump(b, a) })
	both.Wait()
}

func pump(to, from net.Conn) {
	_, err := io.Copy(to, from)
	half, ok := to.(interface{ CloseWrite() error })
	if err != nil || !ok || half.CloseWrite() != nil {
		_ = to.Close()
		_ = from.Close()
	}
}
