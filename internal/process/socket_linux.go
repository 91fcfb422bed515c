// SPDX-License-Identifier: Apache-2.0

package process

import (
	"errors"
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// SocketOwner returns the PID of the process that listens on a Unix socket (unix(7), SO_PEERCRED),
// or ErrGone when nobody does. It makes a connection and closes it. The kernel gives the PID of the
// process that called listen(2) last: one that a socket was handed down to calls OwnSocket.
func SocketOwner(path string) (int, error) {
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.ENOENT) {
		return 0, fmt.Errorf("socket %s: %w", path, ErrGone)
	}
	if err != nil {
		return 0, fmt.Errorf("connecting to see who listens: %w", err)
	}
	defer func() { _ = conn.Close() }()
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var peer *unix.Ucred
	var peerErr error
	err = raw.Control(func(fd uintptr) { peer, peerErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err := errors.Join(err, peerErr); err != nil {
		return 0, fmt.Errorf("asking who listens on %s: %w", path, err)
	}
	return int(peer.Pid), nil
}

// OwnSocket makes this process the one that SocketOwner returns for a listening Unix socket that
// was handed down to it. Connections that wait to be accepted stay.
func OwnSocket(listener syscall.Conn) error {
	raw, err := listener.SyscallConn()
	if err != nil {
		return fmt.Errorf("taking over a socket: %w", err)
	}
	var listenErr error
	err = raw.Control(func(fd uintptr) { listenErr = unix.Listen(int(fd), unix.SOMAXCONN) })
	if err := errors.Join(err, listenErr); err != nil {
		return fmt.Errorf("taking over a socket: %w", err)
	}
	return nil
}
