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
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// Reverse leads from sockets of the guest to sockets of the host.
type Reverse struct {
	// Rules are those of template.Reversed.
	Rules []template.PortForward
	// Listen opens a socket in the guest. Its Accept fails when the connection to the guest breaks.
	Listen func(ctx context.Context, path string) (net.Listener, error)
	// Failed is called with the sockets that cannot be opened, whenever these change, and by one
	// caller at a time; nil: it is only logged.
	Failed func([]vm.Forward)
	Log    *slog.Logger
	// Retry replaces the default pause before a socket is opened again.
	Retry time.Duration
}

// Run keeps the guest's sockets open until ctx ends. When it returns, all connections have ended.
func (r Reverse) Run(ctx context.Context) {
	var rules sync.WaitGroup
	defer rules.Wait()
	failed := failures{errors: map[int]string{}}
	for i, rule := range r.Rules {
		rules.Go(func() {
			r.keep(ctx, rule, func(reason string) { failed.set(r, i, reason) })
		})
	}
}

// failures are the reasons why rules do not work, by their index.
type failures struct {
	mu     sync.Mutex
	errors map[int]string
}

// set gives a rule a reason, or none when it works, and reports all that do not.
func (f *failures) set(r Reverse, index int, reason string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.Failed == nil || f.errors[index] == reason {
		return
	}
	f.errors[index] = reason
	var all []vm.Forward
	for i, rule := range r.Rules {
		if f.errors[i] != "" {
			all = append(all, vm.Forward{Protocol: "unix", Host: rule.HostSocket, Guest: rule.GuestSocket, Error: f.errors[i], Reverse: true})
		}
	}
	r.Failed(all)
}

// keep opens a socket again and again. A reason why that fails is logged and reported once.
func (r Reverse) keep(ctx context.Context, rule template.PortForward, report func(reason string)) {
	log, logged := r.Log.With("guest", rule.GuestSocket, "host", rule.HostSocket), ""
	for ctx.Err() == nil {
		switch err := r.serve(ctx, rule, report); {
		case err == nil:
			logged = ""
		case err.Error() != logged && ctx.Err() == nil:
			logged = err.Error()
			log.Warn("leading a socket of the guest to the host", "error", err)
			report(logged)
		}
		select {
		case <-ctx.Done():
		case <-time.After(cmp.Or(r.Retry, defaultRetry)):
		}
	}
}

// serve opens a socket and forwards its connections until it breaks. An error says why it could not
// be opened.
func (r Reverse) serve(ctx context.Context, rule template.PortForward, report func(reason string)) error {
	listener, err := r.Listen(ctx, rule.GuestSocket)
	if err != nil {
		return err
	}
	report("")
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
