// SPDX-License-Identifier: Apache-2.0

package session

import (
	"bytes"
	"io"
	"sync"
)

// SharedWriter lets several goroutines write to Out, one call at a time.
type SharedWriter struct {
	Out io.Writer
	mu  sync.Mutex
}

// Write implements io.Writer.
func (l *SharedWriter) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Out.Write(data)
}

// longestLine is how much of a line without an end is kept before it is written, in bytes.
const longestLine = 64 << 10

// PrefixWriter writes Prefix before each line, when several logs are followed at once. It writes
// whole lines only, or pieces of very long ones with a line feed, so that Out may be shared with
// others. It is itself not safe for use by several goroutines.
type PrefixWriter struct {
	Prefix string
	Out    io.Writer
	rest   []byte
}

// Write implements io.Writer.
func (p *PrefixWriter) Write(data []byte) (int, error) {
	p.rest = append(p.rest, data...)
	if len(p.rest) > longestLine && bytes.IndexByte(p.rest, '\n') < 0 {
		p.rest = append(p.rest, '\n')
	}
	end := bytes.LastIndexByte(p.rest, '\n')
	if end < 0 {
		return len(data), nil
	}
	var lines bytes.Buffer
	for line := range bytes.Lines(p.rest[:end+1]) {
		lines.WriteString(p.Prefix)
		lines.Write(line)
	}
	p.rest = append([]byte(nil), p.rest[end+1:]...)
	if _, err := p.Out.Write(lines.Bytes()); err != nil {
		return 0, err
	}
	return len(data), nil
}

// Flush writes an unfinished last line, with a line feed.
func (p *PrefixWriter) Flush() error {
	if len(p.rest) == 0 {
		return nil
	}
	_, err := p.Write([]byte("\n"))
	return err
}
