// SPDX-License-Identifier: Apache-2.0

package process

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/sys/mountinfo"
)

// mountsVariable makes this test's program the process that MountPrivately replaces.
const mountsVariable = "RDD_TEST_MOUNTS"

func TestMain(m *testing.M) {
	if text := os.Getenv(mountsVariable); text != "" {
		var mounts []Mount
		if err := json.Unmarshal([]byte(text), &mounts); err != nil {
			panic(err)
		}
		fmt.Fprintln(os.Stderr, MountPrivately(mounts, os.Args[1:], os.Environ()))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// runPrivately runs a shell line where mounts are made, and returns what it writes.
func runPrivately(t *testing.T, mounts []Mount, line string) string {
	t.Helper()
	data, err := json.Marshal(mounts)
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	result := RunDetached(t.Context(), Command{
		Path: "/proc/self/exe", Args: []string{"/bin/sh", "-c", line}, Env: append(os.Environ(), mountsVariable+"="+string(data)),
		Stdout: out, Stderr: out, PrivateMounts: true,
	})
	if NamespaceRefused(result) {
		t.Skipf("SKIPPED: this host makes no namespaces: %v", result)
	}
	text, err := os.ReadFile(out.Name())
	if err != nil || result != nil {
		t.Fatalf("%v, %v: %s", result, err, text)
	}
	return strings.TrimSpace(string(text))
}

func TestMountPrivately(t *testing.T) {
	dir := t.TempDir()
	for _, sub := range []string{"home/secret", "home/open", "view", "whole"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, sub, "file"), []byte(sub), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	mounts := []Mount{
		{Source: at("home"), Target: at("view")}, {Target: at("view/secret")},
		// A copy made after the view was mounted would show the view in it.
		{Source: dir, Target: at("whole")},
	}
	got := runPrivately(t, mounts, `cd `+dir+`
		cat view/open/file home/secret/file; echo
		ls -A view/secret; ls -A whole/view
		touch view/secret/new 2>/dev/null || echo refused
		echo changed >view/open/file
		umount view/secret 2>/dev/null && [ "$(id -u)" != 0 ] && echo undone
		exit 0`)
	if want := "home/openhome/secret\nfile\nrefused"; got != want {
		t.Errorf("the process sees %q, want %q", got, want)
	}
	if data, err := os.ReadFile(at("home/open/file")); err != nil || string(data) != "changed\n" {
		t.Errorf("what the process wrote into the view arrived as %q: %v", data, err)
	}
	if entries, err := os.ReadDir(at("view")); err != nil || len(entries) != 1 {
		t.Errorf("the host sees the view: %v, %v", entries, err)
	}
}

// TestCoverHoldsDirectories: what stands for hidden directories is there, empty and read-only, so
// that links to it lead somewhere; and a link that is mounted on itself cannot be replaced.
func TestCoverHoldsDirectories(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, sub := range []string{"home/.d/one/secret", "home/.d/two", "view"} {
		if err := os.MkdirAll(at(sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(".d/one", at("home/link")); err != nil {
		t.Fatal(err)
	}
	got := runPrivately(t, []Mount{
		{Source: at("home"), Target: at("view")}, {Target: at("view/.d"), Dirs: []string{"one"}},
		{Source: at("home/link"), Target: at("view/link")},
	}, `cd `+at("view")+`
		find . ! -type d; find .d -type d; readlink link; ls -A link/
		mkdir link/new 2>/dev/null || echo refused
		rm link 2>/dev/null || echo kept
		mv link other 2>/dev/null || echo kept
		mv -T .d other 2>/dev/null || echo kept`)
	if want := "./link\n.d\n.d/one\n.d/one\nrefused\nkept\nkept\nkept"; got != want {
		t.Errorf("the process sees %q, want %q", got, want)
	}
	if target, err := os.Readlink(at("home/link")); err != nil || target != ".d/one" {
		t.Errorf("the host's link leads to %q: %v", target, err)
	}
}

func TestMountPrivatelyNamesWhatFails(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for _, m := range []Mount{{Source: missing, Target: t.TempDir()}, {Target: missing}} {
		data, err := json.Marshal([]Mount{m})
		if err != nil {
			t.Fatal(err)
		}
		out, err := os.Create(filepath.Join(t.TempDir(), "out"))
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		result := RunDetached(t.Context(), Command{
			Path: "/proc/self/exe", Args: []string{"/bin/true"}, Env: []string{mountsVariable + "=" + string(data)},
			Stderr: out, PrivateMounts: true,
		})
		if NamespaceRefused(result) {
			t.Skipf("SKIPPED: this host makes no namespaces: %v", result)
		}
		if code, _ := ExitCode(result); code != 1 {
			t.Errorf("%+v: %v", m, result)
		}
		if text, err := os.ReadFile(out.Name()); err != nil || !strings.Contains(string(text), missing) {
			t.Errorf("%+v: the error is %q, %v", m, text, err)
		}
	}
}

func TestMountAliases(t *testing.T) {
	const table = `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:5 / /proc rw - proc proc rw
30 22 8:2 /homes /home rw,relatime shared:2 - ext4 /dev/sda2 rw
31 22 8:2 / /data rw,relatime shared:2 - ext4 /dev/sda2 rw
32 30 8:2 /homes/me/.rd2 /home/me/a\040link rw - ext4 /dev/sda2 rw
33 22 8:3 / /home/me/usb rw - vfat /dev/sdb rw
`
	mounts, err := mountinfo.GetMountsFromReader(strings.NewReader(table), nil)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string][]string{
		"/home/me/.rd2":      {"/home/me/.rd2", "/data/homes/me/.rd2", "/home/me/a link"},
		"/home/me/.rd2/lima": {"/home/me/.rd2/lima", "/data/homes/me/.rd2/lima", "/home/me/a link/lima"},
		"/home/me":           {"/home/me", "/data/homes/me"},
		"/home/me/usb/x":     {"/home/me/usb/x"},
		"/home/melba":        {"/home/melba", "/data/homes/melba"},
		"/etc":               {"/etc"},
		"/data":              {"/data"},
	} {
		if got := mountAliases(mounts, path); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
	if _, err := mountinfo.GetMountsFromReader(strings.NewReader(table+"short line\n"), nil); err == nil {
		t.Error("a line that is none of mountinfo's is passed over")
	}
}
