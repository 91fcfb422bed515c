// SPDX-License-Identifier: Apache-2.0

package forward

import "bytes"

// maxLine is the longest line accepted from a guest, in bytes: tens of thousands of sockets.
const maxLine = 1 << 20

// Lines is an io.Writer that passes on whole lines, without their ends. Lines of more than 1 MiB
// are left out.
type Lines struct {
	// Take is called for each line, by Write.
	Take func(line string)

	rest    []byte
	tooLong bool
}

// Write implements io.Writer; it never fails.
func (l *Lines) Write(p []byte) (int, error) {
	n := len(p)
	for {
		line, after, ended := bytes.Cut(p, []byte("\n"))
		if l.tooLong = l.tooLong || len(l.rest)+len(line) > maxLine; l.tooLong {
			l.rest = nil
		} else {
			l.rest = append(l.rest, line...)
		}
		if !ended {
			return n, nil
		}
		if !l.tooLong {
			l.Take(string(l.rest))
		}
		l.rest, l.tooLong, p = l.rest[:0], false, after
	}
}
