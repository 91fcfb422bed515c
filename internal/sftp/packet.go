// SPDX-License-Identifier: Apache-2.0

package sftp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Types of packets (draft-ietf-secsh-filexfer-02, section 3).
const (
	typeInit     = 1
	typeVersion  = 2
	typeOpen     = 3
	typeClose    = 4
	typeRead     = 5
	typeWrite    = 6
	typeLstat    = 7
	typeFstat    = 8
	typeSetstat  = 9
	typeFsetstat = 10
	typeOpendir  = 11
	typeReaddir  = 12
	typeRemove   = 13
	typeMkdir    = 14
	typeRmdir    = 15
	typeRealpath = 16
	typeStat     = 17
	typeRename   = 18
	typeReadlink = 19
	typeSymlink  = 20
	typeStatus   = 101
	typeHandle   = 102
	typeData     = 103
	typeName     = 104
	typeAttrs    = 105
	typeExtended = 200
	typeReply    = 201
)

const (
	// maxData is how many bytes one request reads or writes, at most.
	maxData = 256 << 10
	// maxPacket bounds what a client sends at once, in bytes.
	maxPacket = maxData + 4<<10
)

// errMalformed says that a packet has not the fields of its type.
var errMalformed = errors.New("malformed packet")

// readPacket reads a packet into buffer, which it may replace by a larger one, and returns what
// follows the packet's length. io.EOF: the client has ended the session between two packets.
func readPacket(from io.Reader, buffer []byte) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return buffer, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size == 0 || size > maxPacket {
		return buffer, fmt.Errorf("%w: it has %d bytes, and may have up to %d", errMalformed, size, maxPacket)
	}
	buffer = slices.Grow(buffer[:0], int(size))[:size]
	if _, err := io.ReadFull(from, buffer); err != nil {
		return buffer, fmt.Errorf("reading a packet: %w", err)
	}
	return buffer, nil
}

// decoder reads the fields of a packet. After the first one that is missing, err is errMalformed
// and all further ones are zero.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) bytes(n uint32) []byte {
	if uint64(n) > uint64(len(d.rest)) {
		d.rest, d.err = nil, errMalformed
		return nil
	}
	field := d.rest[:n]
	d.rest = d.rest[n:]
	return field
}

func (d *decoder) byte() byte {
	if field := d.bytes(1); field != nil {
		return field[0]
	}
	return 0
}

func (d *decoder) uint32() uint32 {
	if field := d.bytes(4); field != nil {
		return binary.BigEndian.Uint32(field)
	}
	return 0
}

func (d *decoder) uint64() uint64 {
	if field := d.bytes(8); field != nil {
		return binary.BigEndian.Uint64(field)
	}
	return 0
}

// data is a field that begins with its length. It is valid until the next packet is read.
func (d *decoder) data() []byte { return d.bytes(d.uint32()) }

func (d *decoder) text() string { return string(d.data()) }

// encoder builds the answer to the request with an id.
type encoder struct {
	buffer []byte
	id     uint32
}

// begin starts an answer, after room for its length.
func (e *encoder) begin(kind byte) {
	e.buffer = append(e.buffer[:0], 0, 0, 0, 0, kind)
	if kind != typeVersion {
		e.uint32(e.id)
	}
}

func (e *encoder) uint32(n uint32) { e.buffer = binary.BigEndian.AppendUint32(e.buffer, n) }
func (e *encoder) uint64(n uint64) { e.buffer = binary.BigEndian.AppendUint64(e.buffer, n) }

func (e *encoder) text(s string) {
	e.uint32(uint32(len(s)))
	e.buffer = append(e.buffer, s...)
}

// packet completes the answer with its length.
func (e *encoder) packet() []byte {
	binary.BigEndian.PutUint32(e.buffer, uint32(len(e.buffer)-4))
	return e.buffer
}
