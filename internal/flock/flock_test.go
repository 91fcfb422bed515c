// SPDX-License-Identifier: Apache-2.0

//go:build !windows

package flock

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

func held(t *testing.T, path string) bool {
	t.Helper()
	is, err := Held(path)
	if err != nil {
		t.Fatal(err)
	}
	return is
}

func TestCurrent(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	path := filepath.Join(dir, "lock")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	lock, err := Try(path)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	expect := func(what string, want bool) {
		t.Helper()
		if got, err := lock.Current(); err != nil || got != want {
			t.Errorf("%s: current %t, want %t: %v", what, got, want, err)
		}
	}
	expect("just locked", true)
	if err := os.Rename(dir, dir+"-moved"); err != nil {
		t.Fatal(err)
	}
	expect("moved with its directory", false)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	other, err := Try(path)
	if err != nil {
		t.Fatalf("the path is free again: %v", err)
	}
	defer other.Unlock()
	expect("somebody else's", false)
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	if held(t, path) {
		t.Fatal("a lock without a file is held")
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Fatal("Held made the file")
	}
	lock, err := Try(path)
	if err != nil || !held(t, path) {
		t.Fatalf("held %v, %v", held(t, path), err)
	}
	if _, err := Try(path); !errors.Is(err, ErrLocked) {
		t.Fatalf("locking twice: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := Wait(ctx, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("waiting for what is held: %v", err)
	}
	waited := make(chan error, 1)
	go func() {
		second, err := Wait(t.Context(), path)
		waited <- errors.Join(err, second.Unlock())
	}()
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; err != nil {
		t.Fatal(err)
	}
	if held(t, path) {
		t.Error("still held")
	}
}

func TestChildrenDoNotInherit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	lock, err := Try(path)
	if err != nil {
		t.Fatal(err)
	}
	in := startReader(t, nil)
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	if held(t, path) {
		t.Error("a child holds the lock")
	}
	in()
}

func TestAChildThatGetsTheFileSharesTheLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	lock, err := Try(path)
	if err != nil {
		t.Fatal(err)
	}
	in := startReader(t, lock.File())
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	if !held(t, path) {
		t.Error("the child does not hold the lock")
	}
	in()
	if held(t, path) {
		t.Error("the lock outlived the child")
	}
}

// startReader starts a child that lives until the returned function is called.
func startReader(t *testing.T, file *os.File) (end func()) {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", "read x")
	if file != nil {
		cmd.ExtraFiles = []*os.File{file}
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end = func() { _, _ = in.Close(), cmd.Wait() }
	t.Cleanup(end)
	return end
}

func TestInherit(t *testing.T) {
	dir := t.TempDir()
	lock, err := Try(filepath.Join(dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	if _, err := Inherit(lock.File().Fd(), filepath.Join(dir, "lock")); err != nil {
		t.Errorf("inheriting our own lock: %v", err)
	}
	other, err := os.Create(filepath.Join(dir, "other"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := Inherit(other.Fd(), filepath.Join(dir, "lock")); err == nil {
		t.Error("another file was taken for the lock")
	}
}

// TestHeldDoesNotDisturb: a Held that took the lock for a moment would make a Try fail that should
// not.
func TestHeldDoesNotDisturb(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux can ask without taking the lock")
	}
	path := filepath.Join(t.TempDir(), "lock")
	first, err := Try(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Unlock(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for ctx.Err() == nil {
				_, _ = Held(path)
			}
		})
	}
	for range 2000 {
		lock, err := Try(path)
		if err != nil {
			t.Error(err)
			break
		}
		if err := lock.Unlock(); err != nil {
			t.Error(err)
		}
	}
	cancel()
	readers.Wait()
}
