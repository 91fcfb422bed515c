// SPDX-License-Identifier: Apache-2.0

package guestcopy

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
)

// guests runs commands on this host instead of in guests, each in a directory of its own.
type guests struct{ dir string }

func (g guests) run(ctx context.Context, name string, command vm.Command) (int, error) {
	if name == "unreachable" {
		return 0, errors.New("nobody is there")
	}
	cmd := exec.CommandContext(ctx, command.Args[0], command.Args[1:]...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = filepath.Join(g.dir, name), command.Stdin, command.Stdout, command.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}

func write(t *testing.T, file, content string) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(file), 0o700)
	if err == nil {
		err = os.WriteFile(file, []byte(content), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// lockedBuffer is written to by the copier and by what it runs in guests.
type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// world has a host's directory and those of two guests, with the same files in each.
func world(t *testing.T) (dir string, c *Copier, complaints *lockedBuffer) {
	t.Helper()
	dir = t.TempDir()
	for _, side := range []string{"host", "dev", "other"} {
		for name, content := range map[string]string{
			"a b.txt": "text of " + side, "tree/x/deep": "deep in " + side, "tree/top": "", "-dash": "dash",
		} {
			write(t, filepath.Join(dir, side, name), content)
		}
		if err := os.Mkdir(filepath.Join(dir, side, "into"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("a b.txt", filepath.Join(dir, side, "link")); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(filepath.Join(dir, "host"))
	complaints = &lockedBuffer{}
	return dir, &Copier{Run: guests{dir}.run, Err: complaints, Recursive: true}, complaints
}

func TestCopy(t *testing.T) {
	for _, tc := range []struct {
		args []string
		file string // what is there afterwards
		want string
	}{
		{[]string{"a b.txt", "dev:new"}, "dev/new", "text of host"},
		{[]string{"a b.txt", "dev:"}, "dev/a b.txt", "text of host"},
		{[]string{"a b.txt", "dev:~/into"}, "dev/into/a b.txt", "text of host"},
		{[]string{"a b.txt", "dev:into/new"}, "dev/into/new", "text of host"},
		{[]string{"a b.txt", "tree/top", "dev:into/"}, "dev/into/a b.txt", "text of host"},
		{[]string{"link", "dev:new"}, "dev/new", "text of host"},
		{[]string{"./-dash", "dev:new"}, "dev/new", "dash"},
		{[]string{"tree", "dev:new"}, "dev/new/x/deep", "deep in host"},
		{[]string{"tree", "dev:into"}, "dev/into/tree/x/deep", "deep in host"},
		{[]string{"tree/", "dev:into/"}, "dev/into/tree/x/deep", "deep in host"},
		{[]string{"tree/.", "dev:into"}, "dev/into/x/deep", "deep in host"},
		{[]string{"dev:a b.txt", "new"}, "host/new", "text of dev"},
		{[]string{"dev:a b.txt", "."}, "host/a b.txt", "text of dev"},
		{[]string{"dev:~/a b.txt", "into"}, "host/into/a b.txt", "text of dev"},
		{[]string{"dev:link", "into"}, "host/into/link", "text of dev"},
		{[]string{"dev:-dash", "new"}, "host/new", "dash"},
		{[]string{"dev:tree", "new"}, "host/new/x/deep", "deep in dev"},
		{[]string{"dev:tree", "into"}, "host/into/tree/x/deep", "deep in dev"},
		{[]string{"dev:tree/", "./into/"}, "host/into/tree/x/deep", "deep in dev"},
		{[]string{"dev:tree/.", "into"}, "host/into/x/deep", "deep in dev"},
		{[]string{"dev:a b.txt", "other:into"}, "other/into/a b.txt", "text of dev"},
		{[]string{"dev:tree", "other:new"}, "other/new/x/deep", "deep in dev"},
		{[]string{"dev:", "new"}, "host/new/tree/x/deep", "deep in dev"},
	} {
		dir, c, complaints := world(t)
		last := len(tc.args) - 1
		if err := c.Copy(t.Context(), tc.args[:last], tc.args[last]); err != nil {
			t.Errorf("%q: %v\n%s", tc.args, err, complaints)
			continue
		}
		if got, err := os.ReadFile(filepath.Join(dir, tc.file)); err != nil || string(got) != tc.want {
			t.Errorf("%q: %s is %q, %v", tc.args, tc.file, got, err)
		}
	}
}

func TestCopyIsRefused(t *testing.T) {
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"a b.txt", "new"}, "neither a b.txt nor new is in a virtual machine, whose paths are written VM:PATH"},
		{[]string{"none", "dev:new"}, "none: no such file"},
		{[]string{"dev:none", "new"}, "it does not exist in the guest"},
		{[]string{"tree", "dev:new"}, "it is a directory; to copy it with what is in it: -r"},
		{[]string{"dev:tree", "new"}, "it is a directory; to copy it with what is in it: -r"},
		{[]string{"a b.txt", "dev:none/new"}, "the target's directory does not exist in the guest"},
		{[]string{"dev:a b.txt", "none/new"}, "no such file"},
		{[]string{"a b.txt", "dev:none/"}, "dev:none/ is no directory"},
		{[]string{"a b.txt", "tree/top", "dev:link"}, "dev:link is no directory, which several sources need"},
		{[]string{"a b.txt", "unreachable:new"}, "nobody is there"},
		{[]string{"unreachable:new", "new"}, "nobody is there"},
	} {
		_, c, _ := world(t)
		c.Recursive = false
		last := len(tc.args) - 1
		if err := c.Copy(t.Context(), tc.args[:last], tc.args[last]); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q: %v, want %s", tc.args, err, tc.want)
		}
	}
}

// TestGuestsDirectoryThatCannotBeWrittenTo: then nothing is unpacked. The guest says why, be it its
// permissions or a full disk.
func TestGuestsDirectoryThatCannotBeWrittenTo(t *testing.T) {
	if _, err := os.Stat("/proc/self"); err != nil {
		t.Skip("it needs a directory in which nobody can make files")
	}
	_, c, complaints := world(t)
	err := c.Copy(t.Context(), []string{"a b.txt"}, "dev:/proc/new")
	if err == nil || !strings.Contains(err.Error(), "the target's directory cannot be written to in the guest") ||
		!strings.Contains(complaints.String(), "mktemp") {
		t.Errorf("%v, %q", err, complaints)
	}
}

// TestLoopsAndSpecialFilesAreLeftOut: and the rest is copied.
func TestLoopsAndSpecialFilesAreLeftOut(t *testing.T) {
	dir, c, complaints := world(t)
	err := errors.Join(
		os.Symlink("..", filepath.Join(dir, "host/tree/x/up")), os.Symlink("nowhere", filepath.Join(dir, "host/tree/broken")),
	)
	if err == nil {
		err = c.Copy(t.Context(), []string{"tree"}, "dev:new")
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "dev/new/x/deep")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "dev/new/x/up")); err == nil {
		t.Error("the loop was copied")
	}
	for _, want := range []string{"tree/x/up is left out: it leads back", "tree/broken is left out: it leads nowhere"} {
		if !strings.Contains(complaints.String(), want) {
			t.Errorf("no word of %q: %s", want, complaints)
		}
	}
}

// TestNothingIsWrittenElsewhere: whatever a guest sends.
func TestNothingIsWrittenElsewhere(t *testing.T) {
	for name, header := range map[string]tar.Header{
		"above":         {Name: "../evil", Typeflag: tar.TypeReg},
		"absolute":      {Name: "/tmp/rdd-evil", Typeflag: tar.TypeReg},
		"over a link":   {Name: "out/evil", Typeflag: tar.TypeReg},
		"a link":        {Name: "evil", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"},
		"a hard link":   {Name: "evil", Typeflag: tar.TypeLink, Linkname: "here"},
		"a device":      {Name: "evil", Typeflag: tar.TypeChar},
		"over a folder": {Name: "folder", Typeflag: tar.TypeReg},
	} {
		dir := t.TempDir()
		target := filepath.Join(dir, "target")
		write(t, filepath.Join(target, "here"), "")
		write(t, filepath.Join(target, "folder", "x"), "")
		if err := os.Symlink("..", filepath.Join(target, "out")); err != nil {
			t.Fatal(err)
		}
		var stream bytes.Buffer
		archive := tar.NewWriter(&stream)
		if err := errors.Join(archive.WriteHeader(&header), archive.Close()); err != nil {
			t.Fatal(err)
		}
		if err := receiveHost(target, &stream); err == nil {
			t.Errorf("%s was accepted", name)
		}
		if _, err := os.Lstat(filepath.Join(dir, "evil")); err == nil {
			t.Errorf("%s was written", name)
		}
	}
}

// TestFailedCopyKeepsTheTarget: what was there is replaced by a whole file or not at all, and keeps
// its mode. A symbolic link stays one.
func TestFailedCopyKeepsTheTarget(t *testing.T) {
	target := t.TempDir()
	path := func(name string) string { return filepath.Join(target, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(path("f"), []byte("precious"), 0o640))
	must(os.Symlink("f", path("link")))
	send := func(name string, size int64, content string) error {
		var stream bytes.Buffer
		w := tar.NewWriter(&stream)
		must(w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600}))
		_, err := w.Write([]byte(content))
		must(err)
		return receiveHost(target, &stream)
	}
	check := func(want string) {
		t.Helper()
		data, err := os.ReadFile(path("f"))
		info, statErr := os.Stat(path("f"))
		if err != nil || statErr != nil || string(data) != want || info.Mode().Perm() != 0o640 {
			t.Errorf("got %q, %v, %v", data, info.Mode(), err)
		}
		entries, err := os.ReadDir(target)
		if link, linkErr := os.Readlink(path("link")); err != nil || len(entries) != 2 || link != "f" {
			t.Errorf("there are %v; the link: %q, %v", entries, link, linkErr)
		}
	}
	for _, name := range []string{"f", "link"} {
		if err := send(name, 100, "a part"); err == nil {
			t.Errorf("%s: a stream that ends early is no error", name)
		}
		check("precious")
	}
	must(send("link", 3, "new"))
	check("new")
}

// TestFailedCopyKeepsTheGuestsTarget: as on the host, also for the files of a directory.
func TestFailedCopyKeepsTheGuestsTarget(t *testing.T) {
	for _, name := range []string{"f", "dir/f"} {
		dir, c, _ := world(t)
		target := filepath.Join(dir, "dev")
		write(t, filepath.Join(target, name), "precious")
		if err := os.Chmod(filepath.Join(target, name), 0o640); err != nil {
			t.Fatal(err)
		}
		before := entries(t, target)
		send := func(size int64) error {
			var stream bytes.Buffer
			w := tar.NewWriter(&stream)
			err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "./other", Size: 1, Mode: 0o600})
			_, writeErr := w.Write([]byte("x"))
			err = errors.Join(err, writeErr, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "./" + name, Size: size, Mode: 0o600}))
			_, writeErr = w.Write([]byte("new"))
			if err = errors.Join(err, writeErr); err == nil && size == 3 {
				err = w.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			return c.receiveGuest(t.Context(), place{vm: "dev", path: "."}, &stream)
		}
		if err := send(100_000); err == nil {
			t.Errorf("%s: a stream that ends early is no error", name)
		}
		if got := entries(t, target); got != before {
			t.Errorf("%s: there is\n%s\nand before there was\n%s", name, got, before)
		}
		if err := send(3); err != nil {
			t.Error(err)
		}
		data, err := os.ReadFile(filepath.Join(target, name))
		info, statErr := os.Stat(filepath.Join(target, name))
		if err != nil || statErr != nil || string(data) != "new" || info.Mode().Perm() != 0o640 {
			t.Errorf("%s: got %q, %v, %v", name, data, info.Mode(), err)
		}
	}
}

// TestCopyPutsNothingInTheWrongPlace: a directory is not replaced by a file, what a link leads to
// is not written into, and the rest is there.
func TestCopyPutsNothingInTheWrongPlace(t *testing.T) {
	dir, c, complaints := world(t)
	write(t, filepath.Join(dir, "host/tree/-x y"), "dash")
	if err := errors.Join(
		os.MkdirAll(filepath.Join(dir, "dev/into/tree/top/full"), 0o700), os.Mkdir(filepath.Join(dir, "dev/elsewhere"), 0o700),
		os.Symlink("../../elsewhere", filepath.Join(dir, "dev/into/tree/-x y")),
	); err != nil {
		t.Fatal(err)
	}
	err := c.Copy(t.Context(), []string{"tree"}, "dev:into")
	if err == nil || !strings.Contains(complaints.String(), "tree/top: what is there is a directory") {
		t.Errorf("%v, %s", err, complaints)
	}
	for name, want := range map[string]string{"into/tree/x/deep": "deep in host", "into/tree/-x y": "dash"} {
		if data, err := os.ReadFile(filepath.Join(dir, "dev", name)); err != nil || string(data) != want {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
	if left := entries(t, filepath.Join(dir, "dev/elsewhere")); left != "." {
		t.Errorf("written through the link: %s", left)
	}
}

// entries lists all that is below a directory.
func entries(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		name, relErr := filepath.Rel(dir, path)
		all = append(all, name)
		return errors.Join(err, relErr)
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, "\n")
}

func TestParsePlace(t *testing.T) {
	for arg, want := range map[string]place{
		"a": {"", "a"}, "./a:b": {"", "./a:b"}, "dev:a": {"dev", "a"}, "dev:": {"dev", "."}, "dev:~": {"dev", "."}, "dev:~/": {"dev", "."},
		"dev:~/a": {"dev", "a"}, "dev:/a:b": {"dev", "/a:b"}, ":a": {"", ":a"}, "/a/b:c": {"", "/a/b:c"},
	} {
		if got := parsePlace(arg); got != want {
			t.Errorf("%q: got %+v, want %+v", arg, got, want)
		}
	}
}
