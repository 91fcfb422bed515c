// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
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
		if err := tailFile(t.Context(), &out, path, tailOptions{lines: tt.lines}); err != nil || out.String() != tt.want {
			t.Errorf("%d lines of %.20q: got %.20q, %v", tt.lines, tt.text, out.String(), err)
		}
	}
	if err := tailFile(t.Context(), &strings.Builder{}, path+".none", tailOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of a file that does not exist: %v", err)
	}
}

// TestTailFollows steps through what happens to a log, on a clock that stands still between the steps.
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
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		out := &bytes.Buffer{}
		shared := &lockedWriter{out: out}
		done := make(chan error, 1)
		go func() { done <- tailFile(ctx, shared, path, tailOptions{lines: -1, follow: true}) }()
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
			{"is rotated with a last line", func() error { return errors.Join(add("last\n"), os.Rename(path, path+".1"), write("first\n")) }, "last\nfirst\n"},
			{"is removed", func() error { return os.Remove(path) }, ""},
			{"comes again", func() error { return write("again\n") }, "again\n"},
		} {
			change(step.do())
			<-time.After(3 * tailInterval)
			synctest.Wait()
			if got := out.String(); got != step.want {
				t.Errorf("a file that %s: got %q, want %q", step.what, got, step.want)
			}
			out.Reset()
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the end of following: %v", err)
		}
	})
}

func TestPrefixed(t *testing.T) {
	var out strings.Builder
	p := &prefixed{prefix: "x: ", out: &out}
	for _, part := range []string{"one", " more\ntw", "o\nthree\n", "fo"} {
		if n, err := p.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	if out.String() != "x: one more\nx: two\nx: three\n" {
		t.Errorf("got %q", out.String())
	}
	if err := p.flush(); err != nil || !strings.HasSuffix(out.String(), "x: fo\n") {
		t.Errorf("got %q, %v", out.String(), err)
	}
	if err := p.flush(); err != nil || strings.HasSuffix(out.String(), "x: \n") {
		t.Errorf("got %q, %v", out.String(), err)
	}
}

func TestVMLogs(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("RDD_INSTANCE", "t")
	dir := vmdir.In(filepath.Join(home, ".rdt", "lima"), "dev")
	if err := os.MkdirAll(string(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{dir.HostagentStderr(): "running\n", dir.Serial(): "boot\n\xff\x1b[0mlogin: "} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		kinds string
		lines int
		want  string
		err   string
	}{
		{"hostagent,serial", -1, "hostagent: running\nserial: boot\nserial: \xff\x1b[0mlogin: \n", ""},
		{"serial", -1, "boot\n\xff\x1b[0mlogin: ", ""},
		{"serial", 1, "\xff\x1b[0mlogin: ", ""},
		{"qemu", -1, "", `LimaVM "dev" has no log qemu yet: it was never started`},
	} {
		var out strings.Builder
		var kinds kindsFlag
		if err := kinds.Set(tt.kinds); err != nil {
			t.Fatal(err)
		}
		err := (&root{streams: streams{out: &out}}).vmLogs(t.Context(), "dev", kinds, tailOptions{lines: tt.lines})
		if out.String() != tt.want || (err == nil) != (tt.err == "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s: got %q, %v", tt.kinds, out.String(), err)
		}
	}
}

func TestKindsFlag(t *testing.T) {
	var k kindsFlag
	if err := k.Set("all"); err != nil || len(k) != len(logKinds) {
		t.Errorf("all: %v, %v", k, err)
	}
	if err := k.Set("serial,console"); err == nil || !strings.Contains(err.Error(), "hostagent,serial,events,qemu") {
		t.Errorf("an unknown kind: %v", err)
	}
}
