// SPDX-License-Identifier: Apache-2.0

package textfile

import "strings"

const (
	escape, bell = 0x1b, 0x07
	// maxSequence is the longest escape sequence that is recognised, in bytes.
	maxSequence = 4096
)

// sequence returns the length of the escape sequence at the beginning of data, which begins with
// ESC; 0 when it is not complete. What is no sequence counts as an ESC alone, and the beginning of
// a string without an end as two bytes: the text in it is then shown, so that a guest cannot hide
// what follows.
func sequence(data []byte) int {
	if len(data) < 2 {
		return 0
	}
	switch kind := data[1]; {
	case kind == '[':
		return run(data, 2, "0?", " /", "@~")
	case strings.IndexByte("]PX^_", kind) >= 0: // the commands and strings of ECMA-48
		return stringEnd(data)
	default:
		return run(data, 1, "", " /", "0~")
	}
}

// run returns the length of a sequence whose bytes from begin on are any number of parameters, any
// number of intermediate bytes and one final byte. Each is a range of bytes. It is 0 when the final
// byte is missing, and 1 when it is none.
func run(data []byte, begin int, parameters, intermediate, final string) int {
	within := func(c byte, bounds string) bool { return bounds != "" && bounds[0] <= c && c <= bounds[1] }
	i := begin
	for i < len(data) && within(data[i], parameters) {
		i++
	}
	for i < len(data) && within(data[i], intermediate) {
		i++
	}
	switch {
	case i >= maxSequence:
		return 1
	case i == len(data):
		return 0
	case within(data[i], final):
		return i + 1
	default:
		return 1
	}
}

// stringEnd returns the length of a string with its terminator, BEL or ESC \. A string ends
// without one at a line end, at another ESC, and at maxSequence.
func stringEnd(data []byte) int {
	for i := 2; i < len(data) && i < maxSequence; i++ {
		switch c := data[i]; {
		case c == bell:
			return i + 1
		case c == escape && i+1 == len(data):
			return 0
		case c == escape && data[i+1] == '\\':
			return i + 2
		case c == escape || c == '\n':
			return 2
		}
	}
	if len(data) >= maxSequence {
		return 2
	}
	return 0
}
