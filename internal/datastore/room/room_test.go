// SPDX-License-Identifier: Apache-2.0

package room

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// of a Room whose file system has the given free space, which the test may change.
func of(t *testing.T, free *int64) (*Room, string) {
	t.Helper()
	ballast := filepath.Join(t.TempDir(), "ballast")
	return New(ballast, Options{Reserve: 1000, Ballast: 100, Free: func(string) (int64, error) {
		if *free < 0 {
			return 0, errors.New("unknown")
		}
		return *free, nil
	}}), ballast
}

func TestAdmit(t *testing.T) {
	for _, c := range []struct {
		free, more int64
		admitted   bool
	}{
		{0, 0, false}, {999, 0, false}, {1000, 0, true}, {1000, 1, false}, {5000, 4000, true}, {-1, 0, true},
	} {
		r, _ := of(t, &c.free)
		err := r.Admit(c.more)
		var short *ShortError
		if (err == nil) != c.admitted || err != nil && !errors.As(err, &short) {
			t.Errorf("with %d free, %d more: %v", c.free, c.more, err)
		}
	}
}

// TestBallast is made when there is ample room, and given up when there is next to none.
func TestBallast(t *testing.T) {
	free := int64(0)
	r, ballast := of(t, &free)
	for _, step := range []struct{ free, size int64 }{
		{-1, 0}, {50, 0}, {1199, 0}, {1200, 100}, {500, 100}, {100, 100}, {99, 0}, {1100, 0}, {5000, 100},
	} {
		free = step.free
		if err := r.Tend(); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(ballast)
		if size := int64(0); err == nil {
			if size = info.Size(); size != step.size {
				t.Errorf("with %d free the ballast has %d bytes, want %d", step.free, size, step.size)
			}
		} else if step.size != 0 {
			t.Errorf("with %d free: %v", step.free, err)
		}
	}
	if !r.Release() || r.Release() {
		t.Error("the ballast was not given up once")
	}
}

// TestLastPart is kept until a write has failed, and made where there is no room for the whole.
func TestLastPart(t *testing.T) {
	free := int64(0)
	r, ballast := of(t, &free)
	r.options.Last = 20
	expect := func(when string, size int64) {
		t.Helper()
		got := int64(0)
		if info, err := os.Stat(ballast); err == nil {
			got = info.Size()
		}
		if got != size {
			t.Errorf("%s the ballast has %d bytes, want %d", when, got, size)
		}
	}
	for _, step := range []struct{ free, size int64 }{
		{50, 0}, {100, 20}, {1199, 20}, {1200, 100}, {500, 100}, {99, 20}, {0, 20}, {1100, 20}, {1200, 100},
	} {
		free = step.free
		if err := r.Tend(); err != nil {
			t.Fatal(err)
		}
		expect(fmt.Sprintf("with %d free", free), step.size)
	}
	for _, size := range []int64{20, 0} {
		if !r.Release() {
			t.Error("nothing was given up")
		}
		expect("given up,", size)
	}
	if r.Release() {
		t.Error("more was given up than there is")
	}
}

// TestBegin names what there is too little of.
func TestBegin(t *testing.T) {
	for _, c := range []struct {
		free, files int64
		want        string
	}{
		{1000 << 20, 50, ""}, {1000 << 20, -1, ""}, {-1, 50, ""},
		{72<<20 - 1, 50, "71 MB are free in DIR, and 72 MB are needed"},
		{1000 << 20, 9, "only 9 more files can be made in DIR, and 10 are needed"},
	} {
		r, ballast := of(t, &c.free)
		r.options.Files = func(string) (int64, error) { return c.files, nil }
		got := ""
		if err := r.Begin(72<<20, 10); err != nil {
			got = strings.ReplaceAll(err.Error(), filepath.Dir(ballast), "DIR")
		}
		if got != c.want {
			t.Errorf("with %d bytes and %d files: %q, want %q", c.free, c.files, got, c.want)
		}
	}
	free := int64(1000 << 20)
	r, ballast := of(t, &free)
	if err := os.Remove(filepath.Dir(ballast)); err != nil {
		t.Fatal(err)
	}
	if err := r.Begin(1, 1); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("in a directory that is not there: %v", err)
	}
}

func TestBallastThatCannotBeMade(t *testing.T) {
	free := int64(5000)
	r, ballast := of(t, &free)
	if err := os.Mkdir(ballast, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := r.Tend(); err == nil {
		t.Error("a ballast was made where a directory is")
	}
	if info, err := os.Stat(ballast); err != nil || !info.IsDir() {
		t.Errorf("the directory in the way became %v, %v", info, err)
	}
	if r.Release() {
		t.Error("a directory was given up as if it were ours")
	}
}

func TestWritable(t *testing.T) {
	free := int64(5000)
	r, ballast := of(t, &free)
	if err := r.Writable(); err != nil {
		t.Error(err)
	}
	if entries, err := os.ReadDir(filepath.Dir(ballast)); err != nil || len(entries) != 0 {
		t.Errorf("the probe left %v, %v", entries, err)
	}
	if _, err := freeSpace(filepath.Dir(ballast)); err != nil {
		t.Error(err)
	}
}
