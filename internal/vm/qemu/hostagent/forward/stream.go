// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"rancherdesktop.io/rdd/internal/sshx"
)

// stream is a TCP port or a socket of the host that is forwarded through ssh.
type stream struct {
	listener net.Listener
	targets  atomic.Pointer[[]target]
}

// beginStream listens on the host's end and forwards its connections.
func (m *Manager) beginStream(ctx context.Context, r route) (opened, error) {
	listener, err := listen(ctx, r.key)
	if err != nil {
		return nil, err
	}
	s := &stream{listener: listener}
	s.targets.Store(&r.targets)
	dial := func(ctx context.Context) (net.Conn, error) { return s.dial(ctx, m.config.Dial) }
	m.serving.Go(func() { sshx.Forward(ctx, listener, dial, m.config.Log) })
	return s, nil
}

func listen(ctx context.Context, k key) (net.Listener, error) {
	if k.proto == protoUnix {
		return sshx.ListenUnix(k.host)
	}
	return (&net.ListenConfig{}).Listen(ctx, "tcp", k.host)
}

// dial tries the targets in turn.
func (s *stream) dial(ctx context.Context, dial func(ctx context.Context, network, address string) (net.Conn, error)) (net.Conn, error) {
	var errs []error
	for _, to := range *s.targets.Load() {
		conn, err := dialOne(ctx, dial, to)
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// dialTimeout bounds the wait for a guest that neither accepts nor refuses a connection.
const dialTimeout = time.Minute

func dialOne(
	ctx context.Context, dial func(ctx context.Context, network, address string) (net.Conn, error), to target,
) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	return dial(ctx, to.network, to.address)
}

// fits implements opened. Connections that are made later use the new targets.
func (s *stream) fits(r route) bool {
	s.targets.Store(&r.targets)
	return true
}

func (s *stream) close(context.Context) error { return s.listener.Close() }

// explain returns why a forward cannot be opened, with a hint where there is one.
func explain(err error, host string) string {
	_, port, _ := net.SplitHostPort(host)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "address already in use on this host; end the program that uses it, or publish another port (in a template: hostPort in " +
			"portForwards)"
	case errors.Is(err, syscall.EACCES) && port != "":
		return fmt.Sprintf("permission denied: this host lets only privileged programs listen on port %[1]s; publish a port of 1024 or above "+
			"(in a template: hostPort in portForwards), or let all programs listen there: sudo sysctl net.ipv4.ip_unprivileged_port_start=%[1]s",
			port)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "this host does not have that address; change the rule's hostIP in portForwards"
	}
	return err.Error()
}
