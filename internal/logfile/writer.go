// SPDX-License-Identifier: Apache-2.0

package logfile

import (
	"os"
	"sync"
)

// Writer writes to a standard stream that goes to a log, and rotates the log before it grows beyond
// its limit. It is safe for use by several goroutines.
type Writer struct {
	stream *os.File
	path   string
	limit  int64

	mu   sync.Mutex
	size int64 // of the log, as far as this Writer knows
}

// NewWriter returns a Writer to a standard stream of this process. The stream is rotated only as
// long as it goes to the file at path; limit is in bytes.
func NewWriter(stream *os.File, path string, limit int64) *Writer {
	w := &Writer{stream: stream, path: path, limit: limit}
	if info, err := stream.Stat(); err == nil {
		w.size = info.Size()
	}
	return w
}

// Write implements io.Writer. A log that cannot be set aside is emptied: the room on the disk is
// worth more than what it says.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.size += int64(len(p)); w.size > w.limit && w.isLog() {
		if _, err := Stream(w.stream, w.path, max(0, w.limit-int64(len(p)))); err != nil {
			_ = w.stream.Truncate(0) // it goes on growing until the next attempt
		}
		w.size = int64(len(p))
	}
	return w.stream.Write(p)
}

// isLog reports whether the stream goes to the log.
func (w *Writer) isLog() bool {
	open, err := w.stream.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(w.path)
	return err == nil && os.SameFile(open, named)
}
