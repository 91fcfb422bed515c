// SPDX-License-Identifier: Apache-2.0

package process

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// holder is a shell that keeps a directory open, as QEMU does with what it exports, and says so.
func holder(t *testing.T, mounts []Mount, dir string) Identity {
	t.Helper()
	data, err := json.Marshal(mounts)
	if err != nil {
		t.Fatal(err)
	}
	ready, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer ready.Close()
	id, ended, err := StartDetached(Command{
		Path: "/proc/self/exe", Args: []string{"/bin/sh", "-c", `exec 3<"$1"; echo; kill -STOP $$`, "--", dir},
		Env: append(os.Environ(), mountsVariable+"="+string(data)), Stdout: out, PrivateMounts: true,
	})
	if err := errors.Join(out.Close()); err != nil {
		t.Fatal(err)
	}
	if err != nil && NamespaceRefused(err) {
		t.Skipf("SKIPPED: this host makes no namespaces: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := id.Signal(syscall.SIGKILL); err != nil {
			t.Error(err)
		}
		<-ended
	})
	if _, err := ready.Read(make([]byte, 1)); err != nil {
		t.Fatalf("the process does not hold the directory: %v", err)
	}
	return id
}

// TestReaches follows what a process sees through a view, also after the host has removed the
// view's place and what covers a directory in it.
func TestReaches(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, sub := range []string{"home/secret/deep", "home/open", "view", "other"} {
		if err := os.MkdirAll(at(sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	id := holder(t, []Mount{{Source: at("home"), Target: at("view")}, {Target: at("view/secret")}}, at("view"))
	check := func(name string, want bool) {
		t.Helper()
		if got, err := Reaches(id.PID, at(name)); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", name, got, err, want)
		}
	}
	check("home", true)
	check("home/open", true)
	check("home/secret", false)
	check("home/secret/deep", false)
	check("other", false)
	check("", false)
	if err := os.Rename(at("home/secret"), at("home/renamed")); err != nil {
		t.Fatal(err)
	}
	check("home/renamed", false)
	for _, gone := range []string{"view", "home/renamed"} {
		if err := os.RemoveAll(at(gone)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(at("home/secret"), 0o700); err != nil {
		t.Fatal(err)
	}
	check("home/secret", true)
	if found, err := OwnWithArgument(at("view")); err != nil || !slices.Equal(found, []int{id.PID}) {
		t.Errorf("found %v, %v; want %d", found, err, id.PID)
	}
}

func TestReachesOfOthers(t *testing.T) {
	if _, err := Reaches(os.Getpid(), filepath.Join(t.TempDir(), "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing directory: %v", err)
	}
	if got, err := Reaches(1<<30, t.TempDir()); got || err != nil {
		t.Errorf("a process that has ended: %v, %v", got, err)
	}
	if found, err := OwnWithArgument("--nobody has this"); err != nil || found != nil {
		t.Errorf("found %v, %v", found, err)
	}
}

func TestEnds(t *testing.T) {
	if got, want := ends([]string{"/a/b", "/b"}), []string{"", "/a/b", "/b"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
