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

// hangUp closes the session of a terminal once its command has ended and there was no output for
// hangUpAfter. sshd itself waits until no process has the terminal open any more, which one in the
// background can put off for ever.
type hangUp struct {
	out   io.Writer
	close func() error

	mu    sync.Mutex
	timer *time.Timer // nil as long as the command runs
}

// ended starts the timer: the command has ended.
func (h *hangUp) ended() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.timer == nil {
		h.timer = time.AfterFunc(hangUpAfter, func() { _ = h.close() })
	}
}

// Write implements io.Writer. The timer stands still while the output is written, which a terminal
// that the user has halted (Ctrl-S) delays.
func (h *hangUp) Write(data []byte) (int, error) {
	h.with((*time.Timer).Stop)
	defer h.with(func(timer *time.Timer) bool { return timer.Reset(hangUpAfter) })
	return h.out.Write(data)
}

// stop ends the timer: the session is closed by its owner.
func (h *hangUp) stop() { h.with((*time.Timer).Stop) }

// with changes the timer if there is one.
func (h *hangUp) with(change func(*time.Timer) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.timer != nil {
		change(h.timer)
	}
}

// openSession is client.NewSession that calls ended at the end of the command. ssh.Session itself
// reports that only together with the end of the output.
func openSession(client *ssh.Client, ended func()) (*ssh.Session, error) {
	return (&ssh.Client{Conn: watchedConn{client.Conn, ended}}).NewSession()
}

// watchedConn opens channels that call ended when they receive an exit status or signal.
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
	passed := make(chan *ssh.Request)
	go func() {
		defer close(passed)
		for request := range requests {
			if request.Type == "exit-status" || request.Type == "exit-signal" {
				c.ended()
			}
			passed <- request
		}
	}()
	return channel, passed, nil
}
