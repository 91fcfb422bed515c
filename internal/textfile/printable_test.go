// SPDX-License-Identifier: Apache-2.0

package textfile

import (
	"io"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"":                 "",
		"plain\ttext\n":    "plain\ttext\n",
		"one\r\ntwo":       "one\ntwo",
		"a\x00b\x07c\x7fd": "abcd",
		"\x1b[!p\x1b]104\x07\x1b[?7h\x1b[0;32mOK\x1b[0m done\x1b(B\n": "OK done\n",
		"\x1b]0;a title\x1b\\text":                                    "text",
		"\x1bcreset":                                                  "reset",
		"grün · 好\n":                                                  "grün · 好\n",
	} {
		if got := Printable(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// hostile is text that would change a terminal, and what is shown of it.
var hostile = map[string]string{
	"clear\x1b[2J\x1b[Hed":                        "cleared",
	"a title\x1b]0;pwned\x07 stays":               "a title stays",
	"the clipboard\x1b]52;c;cHduZWQ=\x1b\\":       "the clipboard",
	"a string\x1bPq#0\x1b\\ of a device":          "a string of a device",
	"keys \x1b[21t\x1b[6n\x1b[c answered":         "keys  answered",
	"hidden \x1b]0;rest of the line\n of a table": "hidden 0;rest of the line\n of a table",
	"hidden \x1b]0;all that follows":              "hidden ]0;all that follows",
	"half \x1b":                                   "half ",
	"half \x1b[12":                                "half [12",
	"no sequence \x1b\x01x":                       "no sequence x",
	"no sequence \x1b[\nx":                        "no sequence [\nx",
	"over\rwritten":                               "overwritten",
	"back\b\b\b\bspace":                           "backspace",
	"C1 \u009b2J and \u009d0;x\u009c":             "C1 2J and 0;x",
	"C1 in bytes \x9b2J":                          "C1 in bytes \ufffd2J",
	"user\u202exe.gpj":                            "userxe.gpj",
	"\u2066isolated\u2069 and \u200fmarked":       "isolated and marked",
	"two\u2028lines\u2029":                        "twolines",
	"tags\U000e0041\U000e007f":                    "tags",
	"joined 👩\u200d💻 stays":                       "joined 👩\u200d💻 stays",
	"no text \xff\xfe\xc3":                        "no text \ufffd\ufffd\ufffd",
}

func TestPrintableOfHostileText(t *testing.T) {
	for text, want := range hostile {
		if got := Printable(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// TestPrintableWriter: however a text is cut into writes, the same is shown. What is incomplete at
// the end is shown when it goes on.
func TestPrintableWriter(t *testing.T) {
	for text, want := range hostile {
		for size := 1; size <= len(text)+1; size++ {
			var out strings.Builder
			w := &PrintableWriter{Out: &out}
			for rest := text + "\n"; rest != ""; {
				n := min(size, len(rest))
				if wrote, err := io.WriteString(w, rest[:n]); wrote != n || err != nil {
					t.Fatal(wrote, err)
				}
				rest = rest[n:]
			}
			if got := out.String(); got != want+"\n" && got != Printable(text+"\n") {
				t.Errorf("%q in pieces of %d: got %q, want %q", text, size, got, want+"\n")
			}
		}
	}
}

// TestPrintableWriterHoldsLittle: a sequence without an end is shown as text after some time.
func TestPrintableWriterHoldsLittle(t *testing.T) {
	for _, begin := range []string{"\x1b]0;", "\x1b[", "\x1bP"} {
		var out strings.Builder
		w := &PrintableWriter{Out: &out}
		for _, piece := range append([]string{begin}, strings.Split(strings.Repeat("1", 2*maxSequence), "")...) {
			if _, err := io.WriteString(w, piece); err != nil {
				t.Fatal(err)
			}
			if len(w.rest) > maxSequence {
				t.Fatalf("%d bytes are held", len(w.rest))
			}
		}
		if !strings.HasSuffix(out.String(), "1111") {
			t.Errorf("%q hides what follows", begin)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	for text := range hostile {
		f.Add(text, 3)
	}
	f.Fuzz(func(t *testing.T, text string, size int) {
		clean := Printable(text)
		if !utf8.ValidString(clean) {
			t.Errorf("%q is no UTF-8", clean)
		}
		for _, r := range clean {
			if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
				t.Errorf("%q has %q", clean, r)
			}
		}
		if again := Printable(clean); again != clean {
			t.Errorf("%q becomes %q", clean, again)
		}
		var out strings.Builder
		w := &PrintableWriter{Out: &out}
		size = max(1, size)
		for rest := text; rest != ""; rest = rest[min(size, len(rest)):] {
			if _, err := io.WriteString(w, rest[:min(size, len(rest))]); err != nil {
				t.Fatal(err)
			}
		}
		if !strings.HasPrefix(clean, out.String()) && len(text) < maxSequence {
			t.Errorf("written in pieces of %d: %q, want %q", size, out.String(), clean)
		}
	})
}
