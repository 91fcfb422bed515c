// SPDX-License-Identifier: Apache-2.0

package sshx

import (
	"io"
	"reflect"
	"sync"
)

// syncWriter is a writer that several goroutines may use at the same time.
type syncWriter struct {
	mu sync.Mutex
	to io.Writer
}

// Write implements io.Writer.
func (w *syncWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}

// share makes two streams safe that go to one writer. Both are copied at the same time, and writers
// such as bytes.Buffer lose data when they are written to concurrently.
func share(stdout, stderr io.Writer) (io.Writer, io.Writer) {
	if stdout == nil || stderr == nil || !reflect.ValueOf(stdout).Comparable() || stdout != stderr {
		return stdout, stderr
	}
	shared := &syncWriter{to: stdout}
	return shared, shared
}
