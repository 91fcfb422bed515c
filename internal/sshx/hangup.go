// SPDX-License-Identifier: Apache-2.0

package sshx

import (
	"io"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// hangUpAfter is how long the session of a terminal stays open without output after its command has
// ended.
const hangUpAfter = time.Second

// hangUp closes the session of a terminal once its command has ended and its output has been quiet
// for a while. sshd waits until nothing has the terminal any more, which a process in the
// background can put off for ever.
type hangUp struct {
	out   io.Writer
	close func() error

	mu    sync.Mutex
	timer *time.Timer // nil as long as the command runs
}

// ended begins the wait for quiet.
func (h *hangUp) ended() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.timer == nil {
		h.timer = time.AfterFunc(hangUpAfter, func() { _ = h.close() })
	}
}

// Write implements io.Writer. A terminal that was halted (Ctrl-S) is waited for.
func (h *hangUp) Write(data []byte) (int, error) {
	h.with((*time.Timer).Stop)
	defer h.with(func(timer *time.Timer) bool { return timer.Reset(hangUpAfter) })
	return h.out.Write(data)
}

// stop forgets the session.
func (h *hangUp) stop() { h.with((*time.Timer).Stop) }

func (h *hangUp) with(change func(*time.Timer) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.timer != nil {
		change(h.timer)
	}
}

// openSession is client.NewSession with a look at the end of the command, which ssh.Session tells
// only together with the end of its output.
func openSession(client *ssh.Client, ended func()) (*ssh.Session, error) {
	return (&ssh.Client{Conn: watchedConn{client.Conn, ended}}).NewSession()
}

// watchedConn opens channels that tell when they are sent an exit status or signal.
type watchedConn struct {
	ssh.Conn
	ended func()
}

// OpenChannel implements ssh.Conn.
func (c watchedConn) OpenChannel(name string, data []byte) (ssh.Channel, <-chan *ssh.Request, error) {
	channel, requests, err := c.Conn.OpenChannel(name, data)
	if err != nil {
		return nil, nil, err
	}
	seen := make(chan *ssh.Request)
	go func() {
		defer close(seen)
		for request := range requests {
			if request.Type == "exit-status" || request.Type == "exit-signal" {
				c.ended()
			}
			seen <- request
		}
	}()
	return channel, seen, nil
}
