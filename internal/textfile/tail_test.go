// SPDX-License-Identifier: Apache-2.0

package textfile

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestTailPrintsTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	long := strings.Repeat("x", 10000)
	for _, tt := range []struct {
		text  string
		lines int
		want  string
	}{
		{"a\nb\nc\n", -1, "a\nb\nc\n"},
		{"a\nb\nc\n", 2, "b\nc\n"},
		{"a\nb\nc", 2, "b\nc"},
		{"a\nb\nc\n", 9, "a\nb\nc\n"},
		{"a\nb\nc\n", 0, ""},
		{"a\n" + long + "\nc\n", 2, long + "\nc\n"},
		{"", 3, ""},
	} {
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := Tail(t.Context(), &out, path, TailOptions{Lines: tt.lines}); err != nil || out.String() != tt.want {
			t.Errorf("%d lines of %.20q: got %.20q, %v", tt.lines, tt.text, out.String(), err)
		}
	}
	if err := Tail(t.Context(), &strings.Builder{}, path+".none", TailOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of a file that does not exist: %v", err)
	}
}

// TestTailPrintsTheOldLog: what was rotated comes first, as far as it was asked for.
func TestTailPrintsTheOldLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	o := TailOptions{Old: path + ".1"}
	if err := errors.Join(os.WriteFile(path, []byte("c\nd\n"), 0o600), os.WriteFile(o.Old, []byte("a\nb\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for lines, want := range map[int]string{-1: "a\nb\nc\nd\n", 0: "", 1: "d\n", 2: "c\nd\n", 3: "b\nc\nd\n", 9: "a\nb\nc\nd\n"} {
		var out strings.Builder
		o.Lines = lines
		if err := Tail(t.Context(), &out, path, o); err != nil || out.String() != want {
			t.Errorf("%d lines: got %q, %v", lines, out.String(), err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	o.Lines = -1
	if err := Tail(t.Context(), &out, path, o); !errors.Is(err, fs.ErrNotExist) || out.String() != "a\nb\n" {
		t.Errorf("without the log: %q, %v", out.String(), err)
	}
}

// output is what was written since the last take.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(data []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(data)
}

func (o *output) take() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	defer o.text.Reset()
	return o.text.String()
}

// TestTailFollows steps through what happens to a log, on a clock that stands still between the
// steps.
func TestTailFollows(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	change := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	add := func(text string) error {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteString(text)
		return errors.Join(err, f.Close())
	}
	write := func(text string) error { return os.WriteFile(path, []byte(text), 0o600) }
	copyTruncate := func() error {
		data, err := os.ReadFile(path)
		return errors.Join(err, os.WriteFile(path+".new", data, 0o600), os.Rename(path+".new", path+".1"), os.Truncate(path, 0))
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		out := &output{}
		done := make(chan error, 1)
		go func() { done <- Tail(ctx, out, path, TailOptions{Lines: -1, Follow: true, Old: path + ".1"}) }()
		synctest.Wait()
		for _, step := range []struct {
			what string
			do   func() error
			want string
		}{
			{"appears", func() error { return write("one\n") }, "one\n"},
			{"grows", func() error { return add("two\n") }, "two\n"},
			{"rests", func() error { return nil }, ""},
			{"is truncated by another start", func() error { return write("3\n") }, "3\n"},
			{"is replaced", func() error {
				return errors.Join(os.WriteFile(path+".new", []byte("a longer new file\n"), 0o600), os.Rename(path+".new", path))
			}, "a longer new file\n"},
			{"is rotated with a last line", func() error {
				return errors.Join(add("last\n"), os.Rename(path, path+".1"), write("first\n"))
			}, "last\nfirst\n"},
			{"is copied and truncated", func() error {
				return errors.Join(add("more\nand more\n"), copyTruncate(), add("new\n"))
			}, "more\nand more\nnew\n"},
			{"is copied and truncated again", func() error { return errors.Join(add("2\n"), copyTruncate()) }, "2\n"},
			{"was copied in part", func() error {
				return errors.Join(add("lost\n"), write(""), os.WriteFile(path+".new", []byte("st\n"), 0o600), os.Rename(path+".new", path+".1"))
			}, ""},
			{"is removed", func() error { return os.Remove(path) }, ""},
			{"comes again", func() error { return write("again\n") }, "again\n"},
		} {
			change(step.do())
			<-time.After(3 * tailInterval)
			synctest.Wait()
			if got := out.take(); got != step.want {
				t.Errorf("a file that %s: got %q, want %q", step.what, got, step.want)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the end of following: %v", err)
		}
	})
}
