// SPDX-License-Identifier: Apache-2.0

package sshx

import (
	"io"
	"reflect"
	"sync"
)

// oneAtATime is a writer for several goroutines.
type oneAtATime struct {
	mu sync.Mutex
	to io.Writer
}

// Write implements io.Writer.
func (w *oneAtATime) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}

// share makes two streams safe that go to one writer: both are copied at the same time, and what a
// bytes.Buffer got from one of them would be lost to the other.
func share(stdout, stderr io.Writer) (io.Writer, io.Writer) {
	if stdout == nil || stderr == nil || !reflect.ValueOf(stdout).Comparable() || stdout != stderr {
		return stdout, stderr
	}
	shared := &oneAtATime{to: stdout}
	return shared, shared
}
