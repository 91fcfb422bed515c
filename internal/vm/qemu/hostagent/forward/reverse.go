// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"rancherdesktop.io/rdd/internal/sshx"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// Reverse leads from sockets of the guest to sockets of the host.
type Reverse struct {
	// Rules are those of template.Reversed.
	Rules []template.PortForward
	// Listen opens a socket in the guest. Its Accept fails when the connection to the guest breaks.
	Listen func(ctx context.Context, path string) (net.Listener, error)
	Log    *slog.Logger
	// Retry replaces the default pause before a socket is opened again.
	Retry time.Duration
}

// Run keeps the guest's sockets open until ctx ends. When it returns, all connections have ended.
func (r Reverse) Run(ctx context.Context) {
	var rules sync.WaitGroup
	defer rules.Wait()
	for _, rule := range r.Rules {
		rules.Go(func() { r.keep(ctx, rule) })
	}
}

// keep opens a socket again and again. A reason why that fails is logged once.
func (r Reverse) keep(ctx context.Context, rule template.PortForward) {
	log, logged := r.Log.With("guest", rule.GuestSocket, "host", rule.HostSocket), ""
	for ctx.Err() == nil {
		switch err := r.serve(ctx, rule); {
		case err == nil:
			logged = ""
		case err.Error() != logged && ctx.Err() == nil:
			logged = err.Error()
			log.Warn("leading a socket of the guest to the host", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(cmp.Or(r.Retry, defaultRetry)):
		}
	}
}

// serve opens a socket and forwards its connections until it breaks. An error says why it could not
// be opened.
func (r Reverse) serve(ctx context.Context, rule template.PortForward) error {
	listener, err := r.Listen(ctx, rule.GuestSocket)
	if err != nil {
		return err
	}
	dial := func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", rule.HostSocket)
	}
	sshx.Forward(ctx, endsOnce{listener}, dial, r.Log)
	return nil
}

// endsOnce is a listener of an ssh connection, which reports each error for ever.
type endsOnce struct{ net.Listener }

// Accept implements net.Listener.
func (l endsOnce) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, errors.Join(net.ErrClosed, err)
	}
	return conn, nil
}
