// SPDX-License-Identifier: Apache-2.0

package sshx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"rancherdesktop.io/rdd/internal/regular"
)

// ErrHostKey says that the server has another host key than the pinned one: something else answers
// on the port. Another attempt does not help.
var ErrHostKey = errors.New("the server's host key is not the guest's")

// Dial connects and logs in. ctx bounds the call, not the connection it returns. A port on which
// nobody listens is a *net.OpError, another server than the guest's ErrHostKey.
func Dial(ctx context.Context, c Config) (*ssh.Client, error) {
	config, err := c.client()
	if err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.Address)
	if err != nil {
		return nil, fmt.Errorf("connecting to ssh: %w", err)
	}
	client, err := c.login(ctx, conn, config)
	if err != nil {
		return nil, fmt.Errorf("logging in over ssh at %s: %w", c.Address, errors.Join(contextCause(ctx, err), ignoreClosed(conn.Close())))
	}
	return client, nil
}

// DialAny is Dial with the first of several ways to the same guest that works. Its error is that of
// all ways. One that waits for a banner without end leaves no time for the next: see
// Config.BannerTimeout.
func DialAny(ctx context.Context, configs ...Config) (*ssh.Client, error) {
	var errs []error
	for _, c := range configs {
		client, err := Dial(ctx, c)
		if err == nil {
			return client, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(errs...)
}

// login waits for the banner and does the handshake on an open connection. ctx interrupts both.
func (c Config) login(ctx context.Context, conn net.Conn, config *ssh.ClientConfig) (*ssh.Client, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	greeted, err := awaitBanner(conn, c.BannerTimeout)
	if !stop() {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	return handshake(ctx, greeted, c.Address, config)
}

// awaitBanner returns the connection once the server has sent the first byte of its banner.
func awaitBanner(conn net.Conn, timeout time.Duration) (net.Conn, error) {
	if timeout == 0 {
		return conn, nil
	}
	if err := conn.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		return nil, err
	}
	first := make([]byte, 1)
	if _, err := io.ReadFull(conn, first); err != nil {
		return nil, fmt.Errorf("waiting for the server's banner: %w", err)
	}
	return &peeked{Conn: conn, rest: io.MultiReader(bytes.NewReader(first), conn)}, conn.SetReadDeadline(time.Time{})
}

// peeked is a connection whose first byte has been read and is read again from rest.
type peeked struct {
	net.Conn
	rest io.Reader
}

func (p *peeked) Read(b []byte) (int, error) { return p.rest.Read(b) }

// handshake logs in on a connection. x/crypto/ssh takes no context, so the end of ctx is made a
// deadline in the past.
func handshake(ctx context.Context, conn net.Conn, address string, config *ssh.ClientConfig) (*ssh.Client, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	sshConn, channels, requests, err := ssh.NewClientConn(conn, address, config)
	if !stop() && err == nil {
		return nil, errors.Join(context.Cause(ctx), sshConn.Close())
	}
	if err != nil {
		return nil, err
	}
	return ssh.NewClient(sshConn, channels, requests), nil
}

// client reads the keys and returns the configuration for x/crypto/ssh.
func (c Config) client() (*ssh.ClientConfig, error) {
	key, err := regular.ReadFile(c.PrivateKeyFile)
	if err != nil {
		return nil, fmt.Errorf("reading ssh key: %w", err)
	}
	signer, err := ssh.ParsePrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("reading ssh key %s: %w", c.PrivateKeyFile, err)
	}
	if _, err := regular.Stat(c.KnownHostsFile); err != nil {
		return nil, fmt.Errorf("reading known hosts: %w", err)
	}
	known, err := knownhosts.New(c.KnownHostsFile)
	if err != nil {
		return nil, fmt.Errorf("reading known hosts: %w", err)
	}
	return &ssh.ClientConfig{
		User:              c.User,
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
		HostKeyCallback: func(host string, remote net.Addr, key ssh.PublicKey) error {
			if err := known(host, remote, key); err != nil {
				return fmt.Errorf("%w: %w", ErrHostKey, err)
			}
			return nil
		},
	}, nil
}

// contextCause prefers why the context has ended to the i/o timeout by which it interrupted the
// call.
func contextCause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// KeepAlive sends the server a keep-alive request at every interval and closes the client when no
// answer comes within timeout. It returns when the connection has ended or ctx ends; the end of ctx
// does not close the client.
func KeepAlive(ctx context.Context, client *ssh.Client, interval, timeout time.Duration) {
	ended := make(chan struct{})
	go func() {
		_ = client.Wait()
		close(ended)
	}()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ended:
			return
		case <-ticker.C:
		}
		guard := time.AfterFunc(timeout, func() { _ = client.Close() })
		_, _, err := client.SendRequest("keepalive@openssh.com", true, nil)
		guard.Stop()
		if err != nil {
			_ = client.Close()
			return
		}
	}
}
