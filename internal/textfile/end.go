// SPDX-License-Identifier: Apache-2.0

package textfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"rancherdesktop.io/rdd/internal/regular"
)

// End returns what the last limit bytes of a file hold, as valid UTF-8: other bytes are left out.
// It may begin within a line. A missing file is fs.ErrNotExist.
func End(path string, limit int64) (string, error) {
	data, _, err := read(path, 0, limit)
	return text(data), err
}

// LinesSince returns the lines of a file from offset on, in bytes, as valid UTF-8. A line that the
// limit of bytes cuts off at its beginning is left out. A missing file is fs.ErrNotExist.
func LinesSince(path string, offset, limit int64) (string, error) {
	data, cut, err := read(path, offset, limit)
	if cut {
		_, data, _ = bytes.Cut(data, []byte("\n"))
	}
	return text(data), err
}

// LastLines returns the last n lines of a text that are not blank, without the white space at their
// ends.
func LastLines(text string, n int) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, " \t\r\n"); line != "" {
			lines = append(lines, line)
		}
	}
	return lines[max(0, len(lines)-n):]
}

// read returns the last limit bytes of what a file has from offset on, and whether they begin
// within a line because of the limit.
func read(path string, offset, limit int64) (_ []byte, cut bool, err error) {
	f, info, err := regular.Open(path)
	if err != nil {
		return nil, false, fmt.Errorf("reading the end of a file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	begin := max(offset, info.Size()-limit)
	data, err := io.ReadAll(io.NewSectionReader(f, begin, limit))
	if err != nil {
		return nil, false, fmt.Errorf("reading the end of a file: %w", err)
	}
	if begin == offset {
		return data, false, nil
	}
	// The limit may have cut between two lines.
	before := make([]byte, 1)
	if _, err := f.ReadAt(before, begin-1); err != nil {
		return nil, false, fmt.Errorf("reading the end of a file: %w", err)
	}
	return data, before[0] != '\n', nil
}

func text(data []byte) string { return strings.ToValidUTF8(string(data), "") }
