// SPDX-License-Identifier: Apache-2.0

// Package bounded reads what comes from a guest, or from any other program that is not trusted,
// without believing that it ends: every reader, buffer and line has a limit in bytes. A limit is
// not a deadline. Whoever reads from a guest sets one as well, by a context.
package bounded

import (
	"errors"
	"fmt"
	"io"
	"net"
)

// ErrTooLong is wrapped by the errors of this package.
var ErrTooLong = errors.New("too long")

func tooLong(limit int64) error {
	return fmt.Errorf("%w: more than %d bytes", ErrTooLong, limit)
}

// Reader returns a reader of at most limit bytes of r. When r has more, reading fails with an error
// that wraps ErrTooLong.
func Reader(r io.Reader, limit int64) io.Reader { return &reader{from: r, left: limit, limit: limit} }

type reader struct {
	from        io.Reader
	left, limit int64
}

// Read implements io.Reader. It asks for one byte more than is left, to tell the end from too much.
func (r *reader) Read(p []byte) (int, error) {
	if r.left < 0 {
		return 0, tooLong(r.limit)
	}
	if int64(len(p)) > r.left+1 {
		p = p[:r.left+1]
	}
	n, err := r.from.Read(p)
	if r.left -= int64(n); r.left < 0 {
		return n - 1, tooLong(r.limit)
	}
	return n, err
}

// ReadAll reads r to its end. The error wraps ErrTooLong when r has more than limit bytes; the
// first ones are returned with it.
func ReadAll(r io.Reader, limit int64) ([]byte, error) { return io.ReadAll(Reader(r, limit)) }

// Conn returns a connection from which at most limit bytes can be read. Then reading fails with an
// error that wraps ErrTooLong.
func Conn(c net.Conn, limit int64) net.Conn { return &conn{Conn: c, reader: Reader(c, limit)} }

type conn struct {
	net.Conn
	reader io.Reader
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) { return c.reader.Read(p) }

// Buffer is an io.Writer that keeps the first Limit bytes written to it and drops the rest. It is
// not safe for use by several goroutines at the same time.
type Buffer struct {
	// Limit in bytes.
	Limit int
	// Full, if not nil, is called once: by the Write that is the first to exceed Limit.
	Full func()

	kept    []byte
	dropped bool
}

// Write implements io.Writer. It never fails, so that a program which writes too much is not ended
// by that alone.
func (b *Buffer) Write(p []byte) (int, error) {
	room := b.Limit - len(b.kept)
	b.kept = append(b.kept, p[:min(room, len(p))]...)
	if len(p) > room && !b.dropped {
		b.dropped = true
		if b.Full != nil {
			b.Full()
		}
	}
	return len(p), nil
}

// Bytes returns what was kept. It is valid until the next Write.
func (b *Buffer) Bytes() []byte { return b.kept }

// String returns what was kept.
func (b *Buffer) String() string { return string(b.kept) }

// Err wraps ErrTooLong when something was dropped; nil otherwise.
func (b *Buffer) Err() error {
	if b.dropped {
		return tooLong(int64(b.Limit))
	}
	return nil
}
