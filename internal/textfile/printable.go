// SPDX-License-Identifier: Apache-2.0

package textfile

import (
	"io"
	"unicode"
	"unicode/utf8"
)

// Printable returns text without what would change somebody's terminal or the order of its
// characters: escape sequences (ECMA-48), control characters of ASCII and of Unicode, and marks
// that set the direction of writing. Line feeds and tabs stay. Bytes that are no UTF-8 become
// U+FFFD.
func Printable(text string) string {
	clean, _ := printable(nil, []byte(text), true)
	return string(clean)
}

// PrintableWriter writes what is written to it to Out as Printable returns it. An escape sequence
// that is not complete yet waits for the next Write. It is not safe for use by several goroutines
// at the same time.
type PrintableWriter struct {
	Out  io.Writer
	rest []byte
}

// Write implements io.Writer.
func (w *PrintableWriter) Write(p []byte) (int, error) {
	data := append(w.rest, p...)
	clean, used := printable(make([]byte, 0, len(data)), data, false)
	w.rest = append([]byte(nil), data[used:]...)
	if len(clean) == 0 {
		return len(p), nil
	}
	if _, err := w.Out.Write(clean); err != nil {
		return 0, err
	}
	return len(p), nil
}

// printable appends the printable part of data to clean, and returns how much of data it has used.
// When more data follow, an incomplete sequence at the end is not used.
func printable(clean, data []byte, last bool) (_ []byte, used int) {
	for used < len(data) {
		c := data[used]
		switch {
		case c == '\n' || c == '\t' || ' ' <= c && c <= '~':
			clean = append(clean, c)
			used++
		case c == escape:
			length := sequence(data[used:])
			if length == 0 && !last {
				return clean, used
			}
			used += max(1, length)
		case c < utf8.RuneSelf:
			used++
		case !last && !utf8.FullRune(data[used:]):
			return clean, used
		default:
			r, size := utf8.DecodeRune(data[used:])
			if !harmful(r) {
				clean = utf8.AppendRune(clean, r)
			}
			used += size
		}
	}
	return clean, used
}

// harmful reports whether a character beyond ASCII changes a terminal, or how others are shown.
func harmful(r rune) bool {
	const lineSeparator, paragraphSeparator = '\u2028', '\u2029'
	switch {
	case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
		return true
	case r == lineSeparator || r == paragraphSeparator:
		return true
	default:
		return 0xe0000 <= r && r <= 0xe007f // tags, which are invisible
	}
}
