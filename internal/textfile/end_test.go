// SPDX-License-Identifier: Apache-2.0

package textfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	for name, tc := range map[string]struct {
		text          string
		offset, limit int64
		end, lines    string
	}{
		"an empty file":             {"", 0, 8, "", ""},
		"all of it":                 {"one\ntwo\n", 0, 8, "one\ntwo\n", "one\ntwo\n"},
		"a line without its end":    {"one\ntwo", 0, 8, "one\ntwo", "one\ntwo"},
		"cut within a line":         {"one\ntwo\nthree\n", 0, 8, "o\nthree\n", "three\n"},
		"cut between two lines":     {"one\ntwo\nthree\n", 0, 10, "two\nthree\n", "two\nthree\n"},
		"a line beyond the limit":   {"0123456789\n", 0, 8, "3456789\n", ""},
		"no line end at all":        {"0123456789", 0, 8, "23456789", ""},
		"from an offset":            {"one\ntwo\nthree\n", 8, 8, "o\nthree\n", "three\n"},
		"from within a line":        {"one\ntwo\n", 5, 8, "one\ntwo\n", "wo\n"},
		"an offset before the cut":  {"one\ntwo\nthree\n", 4, 8, "o\nthree\n", "three\n"},
		"an offset beyond the file": {"one\n", 9, 8, "one\n", ""},
		"not text":                  {"a\x00b\xffc\n", 0, 8, "a\x00bc\n", "a\x00bc\n"},
	} {
		if err := os.WriteFile(path, []byte(tc.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := End(path, tc.limit); err != nil || got != tc.end {
			t.Errorf("%s: the end is %q, %v; want %q", name, got, err, tc.end)
		}
		if got, err := LinesSince(path, tc.offset, tc.limit); err != nil || got != tc.lines {
			t.Errorf("%s: the lines are %q, %v; want %q", name, got, err, tc.lines)
		}
	}
	_, endErr := End(path+".none", 8)
	_, linesErr := LinesSince(path+".none", 0, 8)
	if !errors.Is(endErr, fs.ErrNotExist) || !errors.Is(linesErr, fs.ErrNotExist) {
		t.Errorf("of a file that does not exist: %v, %v", endErr, linesErr)
	}
}

func TestLastLines(t *testing.T) {
	for _, tc := range []struct {
		text string
		n    int
		want []string
	}{
		{"", 3, nil},
		{"\n\r\n \n\t\n", 3, nil},
		{"one\r\ntwo", 3, []string{"one", "two"}},
		{"1\n2\n\n3 \n4\n  5\n\n", 3, []string{"3", "4", "  5"}},
		{"1\n2\n", 0, []string{}},
	} {
		if got := LastLines(tc.text, tc.n); !slices.Equal(got, tc.want) {
			t.Errorf("%d lines of %q: got %q, want %q", tc.n, tc.text, got, tc.want)
		}
	}
}
