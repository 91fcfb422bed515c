// SPDX-License-Identifier: Apache-2.0

package sshx

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	keepAliveInterval = 10 * time.Second
	keepAliveTimeout  = 30 * time.Second
	dialTimeout       = 20 * time.Second
)

// ErrLinkClosed is returned by a Link after Close.
var ErrLinkClosed = errors.New("ssh link is closed")

// Link is a connection that is made again when it breaks: it dials when Client is called and there
// is no living connection. It is safe for concurrent use.
type Link struct {
	dial   func(context.Context) (*ssh.Client, error)
	ctx    context.Context
	cancel context.CancelFunc
	slot   chan struct{} // held while dialling, so that one call dials and the others get its client

	mu     sync.Mutex
	client *ssh.Client
}

// NewLink returns a Link that calls dial for each connection. It does not connect yet.
func NewLink(dial func(context.Context) (*ssh.Client, error)) *Link {
	ctx, cancel := context.WithCancel(context.Background())
	return &Link{dial: dial, ctx: ctx, cancel: cancel, slot: make(chan struct{}, 1)}
}

// Client returns the current connection, or dials a new one within 20 seconds. The connection may
// turn out to be broken when it is used: Dial handles that, other callers call Client again. After
// Close it returns ErrLinkClosed.
func (l *Link) Client(ctx context.Context) (*ssh.Client, error) {
	select {
	case l.slot <- struct{}{}:
		defer func() { <-l.slot }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-l.ctx.Done():
		return nil, ErrLinkClosed
	}
	if client := l.current(); client != nil {
		return client, nil
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	defer context.AfterFunc(l.ctx, cancel)()
	client, err := l.dial(ctx)
	if err != nil {
		return nil, err
	}
	return client, l.Use(client)
}

// Dial connects to an address ("tcp", "host:port") or a socket ("unix", path) as the guest sees it.
// When the connection to the guest turns out to be broken, it makes another attempt over a new one.
// A refusal by the guest is an *ssh.OpenChannelError.
func (l *Link) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, broken, err := l.dialOnce(ctx, network, address)
	if broken != nil && ctx.Err() == nil {
		l.drop(broken)
		conn, _, err = l.dialOnce(ctx, network, address)
	}
	if err != nil {
		return nil, fmt.Errorf("connecting to %s in the guest: %w", address, err)
	}
	return conn, nil
}

// dialOnce makes one attempt. broken is the client to drop when its connection is why the attempt
// failed.
func (l *Link) dialOnce(ctx context.Context, network, address string) (conn net.Conn, broken *ssh.Client, err error) {
	client, err := l.Client(ctx)
	if err != nil {
		return nil, nil, err
	}
	conn, err = client.DialContext(ctx, network, address)
	var refused *ssh.OpenChannelError
	if err != nil && !errors.As(err, &refused) {
		return nil, client, err
	}
	return conn, nil, err
}

// drop closes a broken connection and forgets it, unless there is a newer one.
func (l *Link) drop(client *ssh.Client) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.client == client {
		l.client = nil
	}
	_ = client.Close()
}

// Use makes an existing connection the current one; the Link owns it from then on. After Close it
// closes the connection and returns ErrLinkClosed.
func (l *Link) Use(client *ssh.Client) error {
	if !l.adopt(client) {
		return errors.Join(ErrLinkClosed, client.Close())
	}
	return nil
}

// current returns the connection, nil when there is none.
func (l *Link) current() *ssh.Client {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.client
}

// adopt makes client the current one until its connection ends, which keep-alive requests find out;
// false after Close.
func (l *Link) adopt(client *ssh.Client) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx.Err() != nil {
		return false
	}
	l.client = client
	go func() {
		KeepAlive(l.ctx, client, keepAliveInterval, keepAliveTimeout)
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.client == client {
			l.client = nil
		}
	}()
	return true
}

// Close ends the connection, interrupts calls that dial, and makes all further ones fail.
func (l *Link) Close() {
	l.cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.client != nil {
		_ = l.client.Close()
		l.client = nil
	}
}
