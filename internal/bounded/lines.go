// SPDX-License-Identifier: Apache-2.0

package bounded

import "bytes"

// Lines is an io.Writer that passes on whole lines, without their ends. A last line without an end
// is not passed on.
type Lines struct {
	// Limit is the longest line that is passed on, in bytes.
	Limit int
	// Take is called for each line, by Write. It may block, which holds up the writer.
	Take func(line string)
	// Skipped, if not nil, is called in place of Take for a line that is longer than Limit.
	Skipped func()

	rest    []byte
	tooLong bool
}

// Write implements io.Writer; it never fails.
func (l *Lines) Write(p []byte) (int, error) {
	n := len(p)
	for {
		line, after, ended := bytes.Cut(p, []byte("\n"))
		if l.tooLong = l.tooLong || len(l.rest)+len(line) > l.Limit; l.tooLong {
			l.rest = nil
		} else {
			l.rest = append(l.rest, line...)
		}
		if !ended {
			return n, nil
		}
		switch {
		case !l.tooLong:
			l.Take(string(l.rest))
		case l.Skipped != nil:
			l.Skipped()
		}
		l.rest, l.tooLong, p = l.rest[:0], false, after
	}
}
