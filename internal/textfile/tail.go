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
	// Old is the path to which the log is rotated; empty when it is not. What is there comes before
	// the log.
	Old string
}

// Tail writes a log to out. A followed file may be truncated or replaced: then it is read from its
// beginning, after what was copied to a new old log. It may be missing: Tail waits for it. The end
// of ctx while following is no error. Without following, a missing file is fs.ErrNotExist. A failed
// write to out ends it with that error.
func Tail(ctx context.Context, out io.Writer, path string, o TailOptions) error {
	t := &tailed{path: path, out: out, old: oldLog{path: o.Old}}
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
	old    oldLog
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
	file, err := regular.OpenFile(t.path, os.O_RDONLY, 0)
	if err != nil {
		return fmt.Errorf("reading the log: %w", err)
	}
	t.file, t.offset = file, 0
	return nil
}

// begin prints the last lines of what the file has at first.
func (t *tailed) begin(lines int) error {
	t.old.note()
	openErr, have := t.open(), 0
	if lines >= 0 && openErr == nil {
		var err error
		if t.offset, have, err = lastLinesOffset(t.file, lines); err != nil {
			return fmt.Errorf("reading the log: %w", err)
		}
	}
	if err := t.old.printLines(t.out, lines, lines-have); err != nil {
		return err
	}
	if openErr != nil {
		return openErr
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
		if err := t.old.printCopy(t.out, t.offset); err != nil {
			return err
		}
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

// lastLinesOffset returns the offset at which the last lines of a file begin, and how many they
// are. It keeps the offsets of that many lines, not the lines, however long they are.
func lastLinesOffset(f *os.File, lines int) (offset int64, have int, err error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return 0, 0, err
	}
	var begins []int64
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
			return 0, 0, err
		}
	}
	if len(begins) == 0 {
		return offset, 0, nil
	}
	return begins[0], len(begins), nil
}
