// SPDX-License-Identifier: Apache-2.0

package textfile

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"rancherdesktop.io/rdd/internal/regular"
)

// tailInterval is how often a followed file is checked.
const tailInterval = 200 * time.Millisecond

// TailOptions say how much of a file Tail writes.
type TailOptions struct {
	// Lines is how many lines from the end; negative: all.
	Lines int
	// Follow also writes what is added later, until the context ends.
	Follow bool
}

// Tail writes a log to out. A followed file may be truncated or replaced: then it is read from its
// beginning. It may be missing: Tail waits for it. The end of ctx while following is no error.
// Without following, a missing file is fs.ErrNotExist. A failed write to out ends it with that
// error.
func Tail(ctx context.Context, out io.Writer, path string, o TailOptions) error {
	t := &tailed{path: path, out: out}
	defer t.close()
	err := t.begin(o.Lines)
	if !o.Follow || (err != nil && !errors.Is(err, fs.ErrNotExist)) {
		return err
	}
	ticker := time.NewTicker(tailInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := t.more(); err != nil {
			return err
		}
	}
}

// tailed is a file that is being written to out.
type tailed struct {
	path string
	out  io.Writer
	file *os.File
	// offset is how far file has been read.
	offset int64
}

func (t *tailed) close() {
	if t.file != nil {
		_ = t.file.Close()
		t.file = nil
	}
}

// open opens the file that has the path now, and is at its beginning.
func (t *tailed) open() error {
	t.close()
	file, _, err := regular.Open(t.path)
	if err != nil {
		return fmt.Errorf("reading the log: %w", err)
	}
	t.file, t.offset = file, 0
	return nil
}

// begin prints the last lines of what the file has at first.
func (t *tailed) begin(lines int) error {
	if err := t.open(); err != nil {
		return err
	}
	if lines >= 0 {
		offset, err := lastLinesOffset(t.file, lines)
		if err != nil {
			return fmt.Errorf("reading the log: %w", err)
		}
		t.offset = offset
	}
	return t.print()
}

// print writes what the file holds beyond offset.
func (t *tailed) print() error {
	if _, err := t.file.Seek(t.offset, io.SeekStart); err != nil {
		return fmt.Errorf("reading the log: %w", err)
	}
	n, err := io.Copy(t.out, t.file)
	t.offset += n
	if err != nil {
		return fmt.Errorf("printing the log: %w", err)
	}
	return nil
}

// more prints what was added, to the file or to one that has taken its place.
func (t *tailed) more() error {
	now, err := os.Stat(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		return t.drain()
	}
	if err != nil {
		return fmt.Errorf("reading the log: %w", err)
	}
	if t.file == nil {
		return t.reopen()
	}
	open, err := t.file.Stat()
	if err != nil {
		return fmt.Errorf("reading the log: %w", err)
	}
	switch {
	case !os.SameFile(now, open):
		return errors.Join(t.drain(), t.reopen())
	case open.Size() < t.offset:
		t.offset = 0
	case open.Size() == t.offset:
		return nil
	}
	return t.print()
}

// drain prints the rest of a file that has lost its name.
func (t *tailed) drain() error {
	if t.file == nil {
		return nil
	}
	return t.print()
}

// reopen prints the file that has taken the place of another one.
func (t *tailed) reopen() error {
	err := t.open()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // removed again meanwhile
	}
	if err != nil {
		return err
	}
	return t.print()
}

// lastLinesOffset returns the offset at which the last lines of a file begin. It keeps the offsets
// of that many lines, not the lines, however long they are.
func lastLinesOffset(f *os.File, lines int) (int64, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	var begins []int64
	offset := int64(0)
	for reader := bufio.NewReader(f); ; {
		line, err := reader.ReadSlice('\n')
		if len(line) > 0 {
			begins = append(begins, offset)
			begins = begins[max(0, len(begins)-lines):]
			offset += int64(len(line))
		}
		for errors.Is(err, bufio.ErrBufferFull) {
			line, err = reader.ReadSlice('\n')
			offset += int64(len(line))
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, err
		}
	}
	if len(begins) == 0 {
		return offset, nil
	}
	return begins[0], nil
}
