// SPDX-License-Identifier: Apache-2.0

package datastore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Offsets and sizes in SQLite's files (https://www.sqlite.org/fileformat2.html, walformat.html), in
// bytes.
const (
	logHeader   = 32
	frameHeader = 24
	indexHeader = 48 // of which there are two copies
)

// checkLogEnd refuses a write-ahead log that ends before the last frame in its index. The index is
// never synced, and may be older than the log after a power failure, but never newer.
func checkLogEnd(path string) error {
	last, err := lastFrame(path)
	if err != nil || last.end == 0 {
		return err
	}
	frame, err := readAt(path+"-wal", last.offset, last.end-last.offset)
	if err != nil {
		return err
	}
	if int64(len(frame)) == last.end-last.offset && bytes.Equal(frame[8:16], last.salt) {
		return nil
	}
	missing := fmt.Sprintf("its write-ahead log %s-wal ends before byte %d", path, last.end)
	return &LostError{Err: ErrLost, Path: path, Missing: missing}
}

// frame of a write-ahead log: where it is, and the salt of its log.
type frame struct {
	offset, end int64
	salt        []byte
}

// lastFrame is the last frame of the log according to its index; the zero frame when that says
// nothing of this log.
func lastFrame(path string) (frame, error) {
	index, err := head(path+"-shm", 2*indexHeader)
	if err != nil || len(index) < 2*indexHeader || !bytes.Equal(index[:indexHeader], index[indexHeader:]) {
		return frame{}, err
	}
	log, err := head(path+"-wal", logHeader)
	if err != nil || len(log) < logHeader {
		return frame{}, err
	}
	frames, salt := int64(binary.NativeEndian.Uint32(index[16:])), index[32:40]
	if frames == 0 || !bytes.Equal(salt, log[16:24]) {
		return frame{}, nil // the log was begun anew since
	}
	size := int64(binary.NativeEndian.Uint16(index[14:]))
	if size == 1 {
		size = 65536
	}
	size += frameHeader
	return frame{offset: logHeader + (frames-1)*size, end: logHeader + frames*size, salt: salt}, nil
}

// head returns the first bytes of a file, fewer when it has not so many, none when it is not there.
func head(name string, length int64) ([]byte, error) {
	data, err := readAt(name, 0, length)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

func readAt(name string, offset, length int64) ([]byte, error) {
	f, err := os.Open(filepath.Clean(name))
	if err != nil {
		return nil, fmt.Errorf("looking at the store: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	data, err := io.ReadAll(io.NewSectionReader(f, offset, length))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return data, nil
}
