// SPDX-License-Identifier: Apache-2.0

// Package sparse copies disks of machines without taking more space than they do: by sharing the
// data where the file system can, else with holes where there are zeros.
package sparse

import (
	"io"
	"os"
)

// blockSize is the size of a block that becomes a hole when it holds zeros only, in bytes.
const blockSize = 64 << 10

// Writer writes a file with holes where there are blocks of zeros. Call Finish at the end.
type Writer struct {
	file *os.File
	w    io.Writer
	size int64
}

// NewWriter returns a Writer of the empty file f. Data that is not zero goes through w, which
// writes to f.
func NewWriter(f *os.File, w io.Writer) *Writer { return &Writer{file: f, w: w} }

var zeros [blockSize]byte

// Write implements io.Writer.
func (s *Writer) Write(p []byte) (int, error) {
	for done := 0; done < len(p); {
		// Blocks are aligned in the file.
		n := min(len(p)-done, blockSize-int(s.size%blockSize))
		if err := s.write(p[done : done+n]); err != nil {
			return done, err
		}
		done += n
		s.size += int64(n)
	}
	return len(p), nil
}

// write writes data within one block, or skips it when it is zero.
func (s *Writer) write(block []byte) error {
	if string(block) == string(zeros[:len(block)]) {
		_, err := s.file.Seek(int64(len(block)), io.SeekCurrent)
		return err
	}
	_, err := s.w.Write(block)
	return err
}

// Finish gives the file its size when it ends with a hole.
func (s *Writer) Finish() error { return s.file.Truncate(s.size) }
