// SPDX-License-Identifier: Apache-2.0

package sshx

import (
	"errors"
	"io"
	"sync"
)

// errGateClosed ends the copying of output that nobody wants any more.
var errGateClosed = errors.New("the command's output is not wanted any more")

// gate is between a session and the writers of its caller. Once it is closed, nothing is written to
// them any more.
type gate struct {
	mu     sync.RWMutex
	closed bool
}

// close waits for writes that have begun.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
}

// writer returns a writer to to, behind the gate; nil when to is nil.
func (g *gate) writer(to io.Writer) io.Writer {
	if to == nil {
		return nil
	}
	return gatedWriter{g, to}
}

type gatedWriter struct {
	gate *gate
	to   io.Writer
}

// Write implements io.Writer.
func (w gatedWriter) Write(p []byte) (int, error) {
	w.gate.mu.RLock()
	defer w.gate.mu.RUnlock()
	if w.gate.closed {
		return 0, errGateClosed
	}
	return w.to.Write(p)
}
