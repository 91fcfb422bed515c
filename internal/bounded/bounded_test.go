// SPDX-License-Identifier: Apache-2.0

package bounded

import (
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReadAll(t *testing.T) {
	for _, tc := range []struct {
		text, want string
		tooLong    bool
	}{
		{"", "", false}, {"abc", "abc", false}, {"abcd", "abcd", false}, {"abcde", "abcd", true}, {strings.Repeat("x", 100), "xxxx", true},
	} {
		for name, r := range map[string]io.Reader{
			"at once": strings.NewReader(tc.text), "by bytes": iotest.OneByteReader(strings.NewReader(tc.text)),
			"with its end": iotest.DataErrReader(strings.NewReader(tc.text)),
		} {
			got, err := ReadAll(r, 4)
			if string(got) != tc.want || errors.Is(err, ErrTooLong) != tc.tooLong || (err != nil) != tc.tooLong {
				t.Errorf("%q %s: got %q, %v", tc.text, name, got, err)
			}
		}
	}
	broken := errors.New("broken")
	if _, err := ReadAll(iotest.ErrReader(broken), 4); !errors.Is(err, broken) {
		t.Errorf("a reader that fails: %v", err)
	}
	// Reading on does not get round the limit.
	r := Reader(strings.NewReader("abcdefgh"), 2)
	_, _ = io.ReadAll(r)
	if n, err := r.Read(make([]byte, 8)); n != 0 || !errors.Is(err, ErrTooLong) {
		t.Errorf("reading on: %d, %v", n, err)
	}
}

func TestConn(t *testing.T) {
	ours, theirs := net.Pipe()
	go func() {
		_, _ = io.WriteString(theirs, "abcdefgh")
		_ = theirs.Close()
	}()
	got, err := io.ReadAll(Conn(ours, 5))
	if string(got) != "abcde" || !errors.Is(err, ErrTooLong) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestBuffer(t *testing.T) {
	calls := 0
	b := &Buffer{Limit: 4, Full: func() { calls++ }}
	for i, step := range []struct {
		write, want string
		tooLong     bool
		calls       int
	}{
		{"ab", "ab", false, 0}, {"", "ab", false, 0}, {"cd", "abcd", false, 0}, {"", "abcd", false, 0},
		{"e", "abcd", true, 1}, {"f", "abcd", true, 1},
	} {
		n, err := io.WriteString(b, step.write)
		written := n == len(step.write) && err == nil
		if !written || b.String() != step.want || errors.Is(b.Err(), ErrTooLong) != step.tooLong || calls != step.calls {
			t.Errorf("%d: wrote %d, %v: %q, %v, called %d times", i, n, err, b, b.Err(), calls)
		}
	}
}

func TestLines(t *testing.T) {
	for _, tc := range []struct {
		name   string
		writes []string
		want   []string
	}{
		{"one", []string{"one\n"}, []string{"one"}},
		{"in pieces", []string{"o", "n", "e\nt", "wo\n"}, []string{"one", "two"}},
		{"several at once", []string{"one\ntwo\n\nthree"}, []string{"one", "two", ""}},
		{"too long", []string{"123456789\nok\n"}, []string{"(skipped)", "ok"}},
		{"too long in pieces", []string{"12345", "6789", "0", "\nok\n"}, []string{"(skipped)", "ok"}},
		{"the longest", []string{"12345678\n"}, []string{"12345678"}},
	} {
		var got []string
		lines := &Lines{
			Limit: 8, Take: func(line string) { got = append(got, line) }, Skipped: func() { got = append(got, "(skipped)") },
		}
		for _, w := range tc.writes {
			if n, err := io.WriteString(lines, w); n != len(w) || err != nil {
				t.Errorf("%s: %d, %v", tc.name, n, err)
			}
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
		if cap(lines.rest) > 64 {
			t.Errorf("%s: %d bytes are kept", tc.name, cap(lines.rest))
		}
	}
}

// TestLinesOfAMegabyte: the longest line arrives, or is left out, with the others whole.
func TestLinesOfAMegabyte(t *testing.T) {
	const maxLine = 1 << 20
	var got []string
	lines := &Lines{Limit: maxLine, Take: func(line string) { got = append(got, line) }}
	for _, piece := range []string{"a", "b\nc\n\n", strings.Repeat("x", maxLine), "x", "\nd", "e\nrest"} {
		if n, err := lines.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Fatal(n, err)
		}
	}
	if want := []string{"ab", "c", "", "de"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
