// SPDX-License-Identifier: Apache-2.0

package sshx

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"golang.org/x/crypto/ssh"
)

// Relay lets other processes use one connection to a guest. It is an ssh server on listener,
// without authentication: the permissions of the socket decide who may connect. It opens each
// session that a client asks for on the connection that client returns. That spares the login,
// which is most of what a short command costs.
//
// It returns nil when ctx ends, after it has ended the sessions. Otherwise the error says why it
// could not begin, or accept connections any more. In any case listener is closed.
func Relay(ctx context.Context, listener net.Listener, client func(context.Context) (*ssh.Client, error)) error {
	config, err := relayConfig()
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	var conns sync.WaitGroup
	defer conns.Wait()
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return errors.Join(fmt.Errorf("waiting for sessions to relay: %w", err), ignoreClosed(listener.Close()))
		}
		conns.Go(func() { relayConnection(ctx, conn, config, client) })
	}
}

// relayConfig has a host key of its own: the protocol requires one, and nobody checks it.
func relayConfig() (*ssh.ServerConfig, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key for relayed sessions: %w", err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return nil, fmt.Errorf("making a key for relayed sessions: %w", err)
	}
	config := &ssh.ServerConfig{NoClientAuth: true}
	config.AddHostKey(signer)
	return config, nil
}

// relayConnection serves one client until it hangs up or ctx ends. Sessions are all it may open.
func relayConnection(ctx context.Context, conn net.Conn, config *ssh.ServerConfig, client func(context.Context) (*ssh.Client, error)) {
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	server, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return // the client has hung up
	}
	defer func() { _ = server.Close() }()
	go ssh.DiscardRequests(requests)
	var sessions sync.WaitGroup
	defer sessions.Wait()
	for wanted := range channels {
		if wanted.ChannelType() != "session" {
			_ = wanted.Reject(ssh.Prohibited, "only sessions are relayed")
			continue
		}
		sessions.Go(func() { relaySession(ctx, wanted, client) })
	}
}

// relaySession opens a session in the guest and passes data, requests and the exit status on, both
// ways. far is the guest's side, near the client's.
func relaySession(ctx context.Context, wanted ssh.NewChannel, client func(context.Context) (*ssh.Client, error)) {
	guest, err := client(ctx)
	if err != nil {
		_ = wanted.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	far, farRequests, err := guest.OpenChannel(wanted.ChannelType(), wanted.ExtraData())
	if err != nil {
		_ = wanted.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	near, nearRequests, err := wanted.Accept()
	if err != nil {
		_ = far.Close()
		return
	}
	go func() {
		_, _ = io.Copy(far, near)
		_ = far.CloseWrite()
	}()
	// The answer to a request must come before the end of the command that it started, also when that
	// ends at once.
	var answering sync.Mutex
	go func() {
		forwardRequests(nearRequests, far, &answering)
		_ = far.Close() // the client has closed its channel
	}()
	var output sync.WaitGroup
	output.Go(func() { _, _ = io.Copy(near, far) })
	output.Go(func() { _, _ = io.Copy(near.Stderr(), far.Stderr()) })
	ended := make(chan struct{})
	go func() {
		output.Wait()
		_ = near.CloseWrite()
		close(ended)
	}()
	forwardRequests(farRequests, near, &sync.Mutex{}) // the exit status among them
	<-ended
	answering.Lock()
	defer answering.Unlock()
	_ = near.Close()
}

// forwardRequests makes the requests of one channel on another, until the first is closed. It holds
// answering from each request to its answer.
func forwardRequests(requests <-chan *ssh.Request, to ssh.Channel, answering sync.Locker) {
	for r := range requests {
		answering.Lock()
		ok, err := to.SendRequest(r.Type, r.WantReply, r.Payload)
		if r.WantReply {
			_ = r.Reply(ok && err == nil, nil)
		}
		answering.Unlock()
	}
}

// DialRelay connects to a Relay's Unix socket. ctx bounds the call, not the connection it returns.
func DialRelay(ctx context.Context, socket string) (*ssh.Client, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("connecting to the relay: %w", err)
	}
	// The socket lies in a directory of the user's own, so there is no need to check who answers.
	client, err := handshake(ctx, conn, socket, &ssh.ClientConfig{User: "relay", HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connecting to the relay: %w", contextCause(ctx, err)), ignoreClosed(conn.Close()))
	}
	return client, nil
}
