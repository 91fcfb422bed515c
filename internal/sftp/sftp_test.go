// SPDX-License-Identifier: Apache-2.0

//go:build linux

package sftp_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	client "github.com/pkg/sftp"

	"rancherdesktop.io/rdd/internal/sftp"
)

// connect serves dir to a client until the test ends.
func connect(t *testing.T, dir string, config sftp.Config) *client.Client {
	t.Helper()
	in, out, ended := serve(t, dir, config)
	c, err := client.NewClientPipe(out, in)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Close()
		if err := <-ended; err != nil {
			t.Errorf("the session ended with %v", err)
		}
	})
	return c
}

// serve returns the streams of a session with a server, and how it will end.
func serve(t *testing.T, dir string, config sftp.Config) (io.WriteCloser, io.Reader, <-chan error) {
	t.Helper()
	requests, in := io.Pipe()
	out, answers := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := sftp.Serve(dir, config, requests, answers)
		_, _ = requests.Close(), answers.Close()
		ended <- err
	}()
	return in, out, ended
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(text), 0o644))
}

func content(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

func TestFilesOfTheHost(t *testing.T) {
	dir := t.TempDir()
	c := connect(t, dir, sftp.Config{})
	f, err := c.OpenFile("/a", os.O_RDWR|os.O_CREATE|os.O_EXCL)
	must(t, err)
	text := strings.Repeat("0123456789", 100_000)
	_, err = f.Write([]byte(text))
	must(t, err)
	if got := content(t, filepath.Join(dir, "a")); got != text {
		t.Errorf("the host has %d bytes", len(got))
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	read, err := io.ReadAll(f)
	if string(read) != text || err != nil {
		t.Errorf("the client reads %d bytes, %v", len(read), err)
	}
	must(t, f.Sync())
	must(t, f.Chmod(0o640))
	must(t, f.Truncate(3))
	if info, err := f.Stat(); err != nil || info.Size() != 3 || info.Mode() != 0o640 {
		t.Errorf("%v, %v", info, err)
	}
	// What is open goes on when its name has gone, or leads to another file.
	must(t, os.Remove(filepath.Join(dir, "a")))
	write(t, filepath.Join(dir, "a"), "another")
	must(t, f.Truncate(2))
	must(t, f.Chmod(0o600))
	if info, err := f.Stat(); err != nil || info.Size() != 2 || content(t, filepath.Join(dir, "a")) != "another" {
		t.Errorf("%v, %v", info, err)
	}
	must(t, f.Close())
	if _, err := c.OpenFile("/a", os.O_RDWR|os.O_CREATE|os.O_EXCL); err == nil {
		t.Error("a file that exists was made")
	}
	f, err = c.OpenFile("a", os.O_WRONLY|os.O_APPEND)
	must(t, err)
	write(t, filepath.Join(dir, "a"), "longer than before")
	_, err = f.Write([]byte("!"))
	must(t, errors.Join(err, f.Close()))
	if got := content(t, filepath.Join(dir, "a")); got != "longer than before!" {
		t.Errorf("what was appended: %q", got)
	}
}

// TestNewFileThatForbidsWriting: what makes a file may write to it, whatever its mode says.
func TestNewFileThatForbidsWriting(t *testing.T) {
	dir := t.TempDir()
	in, out, _ := serve(t, dir, sftp.Config{})
	r := raw{t, in, out}
	r.greet()
	r.expect(3, 102, text("f"), number(2|8), number(4), number(0o444)) // OPEN to write, make
	r.expect(10, 101, handle(0), number(1), long(100))                 // FSETSTAT size
	info, err := os.Stat(filepath.Join(dir, "f"))
	if err != nil || info.Size() != 100 || info.Mode() != 0o444 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestDirectories(t *testing.T) {
	dir := t.TempDir()
	c := connect(t, dir, sftp.Config{})
	must(t, c.Mkdir("/d"))
	var want []string
	for i := range 250 {
		name := "file" + string(rune('a'+i/26)) + string(rune('a'+i%26))
		want = append(want, name)
		write(t, filepath.Join(dir, "d", name), name)
	}
	entries, err := c.ReadDir("d")
	must(t, err)
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
		if int(entry.Size()) != len(entry.Name()) {
			t.Errorf("%s has %d bytes", entry.Name(), entry.Size())
		}
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("listed: %q", got)
	}
	if c.RemoveDirectory("d") == nil || c.Remove("d") == nil {
		t.Error("a directory with files was removed")
	}
	must(t, c.Mkdir("empty"))
	must(t, c.RemoveDirectory("empty"))
	if err := c.RemoveDirectory("d/fileaa"); err == nil {
		t.Error("a file was removed as a directory")
	}
	must(t, c.Remove("d/fileaa"))
	if _, err := c.Lstat("d/fileaa"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := c.Lstat("d/fileab/below"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("below a file: %v", err)
	}
	if real, err := c.RealPath("d/../../x"); err != nil || real != "/x" {
		t.Errorf("%q, %v", real, err)
	}
}

func TestRenameAndLinks(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write(t, at("a"), "A")
	write(t, at("b"), "B")
	c := connect(t, dir, sftp.Config{})
	if err := c.Rename("a", "b"); err == nil || content(t, at("b")) != "B" {
		t.Errorf("rename replaced a file: %v", err)
	}
	if err := c.Rename("missing", "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	must(t, c.PosixRename("a", "b"))
	if content(t, at("b")) != "A" {
		t.Error("posix-rename did not replace the file")
	}
	must(t, c.Rename("b", "c"))
	must(t, c.Link("c", "d"))
	one, err := os.Stat(at("c"))
	must(t, err)
	if two, err := os.Stat(at("d")); err != nil || !os.SameFile(one, two) {
		t.Errorf("no hard link: %v", err)
	}
	must(t, c.Symlink("/etc/passwd", "link"))
	if target, err := os.Readlink(at("link")); err != nil || target != "/etc/passwd" {
		t.Errorf("%q, %v", target, err)
	}
	if target, err := c.ReadLink("link"); err != nil || target != "/etc/passwd" {
		t.Errorf("%q, %v", target, err)
	}
	if info, err := c.Lstat("link"); err != nil || info.Mode().Type() != fs.ModeSymlink {
		t.Errorf("%v, %v", info, err)
	}
}

// TestAttributes: what is changed is the file that is named, also where that is a symbolic link.
func TestAttributes(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write(t, at("f"), "text")
	must(t, os.Symlink("/nowhere/at/all", at("link")))
	c := connect(t, dir, sftp.Config{})
	when := time.Unix(1_234_567_890, 0)
	must(t, c.Chtimes("f", when, when))
	must(t, c.Chmod("f", 0o751|fs.ModeSticky))
	must(t, c.Truncate("f", 2))
	info, err := os.Stat(at("f"))
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm() != 0o751 || info.Size() != 2 {
		t.Errorf("%v, %v", info, err)
	}
	must(t, c.Chtimes("f", when, when))
	if info, err := c.Stat("f"); err != nil || !info.ModTime().Equal(when) {
		t.Errorf("%v, %v", info, err)
	}
	must(t, c.Chtimes("link", when, when))
	must(t, c.Chmod("link", 0o600))
	must(t, c.Chown("link", os.Getuid(), os.Getgid()))
	if info, err := os.Lstat(at("link")); err != nil || !info.ModTime().Equal(when) || info.Mode().Type() != fs.ModeSymlink {
		t.Errorf("%v, %v", info, err)
	}
	if room, err := c.StatVFS("/"); err != nil || room.Blocks == 0 || room.Bsize == 0 || room.Namemax == 0 {
		t.Errorf("%+v, %v", room, err)
	}
	f, err := c.OpenFile("f", os.O_RDWR)
	must(t, err)
	defer f.Close()
	must(t, f.Chown(os.Getuid(), os.Getgid()))
}

// TestOwners: files of the server's user are those of the guest's user; others keep their owner.
func TestOwners(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "mine"), "")
	config := sftp.Config{
		UID: sftp.ID{Host: os.Getuid(), Guest: 54321}, GID: sftp.ID{Host: os.Getgid(), Guest: 12345},
	}
	c := connect(t, dir, config)
	owner := func(name string) (uint32, uint32) {
		info, err := c.Lstat(name)
		must(t, err)
		stat := info.Sys().(*client.FileStat)
		return stat.UID, stat.GID
	}
	if uid, gid := owner("mine"); uid != 54321 || gid != 12345 {
		t.Errorf("%d, %d", uid, gid)
	}
	must(t, c.Chown("mine", 54321, 12345))
	must(t, c.Chown("mine", -1, 12345))
	stat := stat(t, filepath.Join(dir, "mine"))
	if int(stat.Uid) != os.Getuid() || int(stat.Gid) != os.Getgid() {
		t.Errorf("on the host: %d, %d", stat.Uid, stat.Gid)
	}
	if os.Getuid() != 0 {
		if err := c.Chown("mine", 1, 1); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("it was given away: %v", err)
		}
		return
	}
	must(t, os.Chown(filepath.Join(dir, "mine"), 7, 8))
	if uid, gid := owner("mine"); uid != 7 || gid != 8 {
		t.Errorf("another user's: %d, %d", uid, gid)
	}
}

func stat(t *testing.T, path string) *syscall.Stat_t {
	t.Helper()
	info, err := os.Lstat(path)
	must(t, err)
	return info.Sys().(*syscall.Stat_t)
}

// TestReadOnly: nothing changes, by any request.
func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "f"), "text")
	must(t, os.Mkdir(filepath.Join(dir, "d"), 0o755))
	before := stat(t, filepath.Join(dir, "f"))
	c := connect(t, dir, sftp.Config{ReadOnly: true})
	open := func(flags int) error {
		_, err := c.OpenFile("f", flags)
		return err
	}
	for name, err := range map[string]error{
		"write": open(os.O_RDWR), "append": open(os.O_WRONLY | os.O_APPEND), "truncate": open(os.O_RDONLY | os.O_TRUNC),
		"make": open(os.O_RDONLY | os.O_CREATE), "remove": c.Remove("f"), "remove a directory": c.RemoveDirectory("d"),
		"mkdir": c.Mkdir("e"), "rename": c.Rename("f", "g"), "posix-rename": c.PosixRename("f", "g"), "link": c.Link("f", "g"),
		"symlink": c.Symlink("f", "g"), "chmod": c.Chmod("f", 0o777), "chown": c.Chown("f", 1, 1),
		"times": c.Chtimes("f", time.Unix(1, 0), time.Unix(1, 0)), "size": c.Truncate("f", 0),
	} {
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: %v", name, err)
		}
	}
	f, err := c.Open("f")
	must(t, err)
	if err := errors.Join(f.Chmod(0o777)); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("chmod of an open file: %v", err)
	}
	if _, err := f.Write([]byte("x")); err == nil {
		t.Error("a file that is open to be read was written to")
	}
	if data, err := io.ReadAll(f); string(data) != "text" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	if after := stat(t, filepath.Join(dir, "f")); after.Mode != before.Mode || after.Mtim != before.Mtim || after.Nlink != before.Nlink {
		t.Errorf("%+v became %+v", before, after)
	}
}

// TestNothingOutside: no path and no symbolic link leads out of the directory.
func TestNothingOutside(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "shared")
	must(t, os.Mkdir(dir, 0o755))
	must(t, os.Mkdir(filepath.Join(parent, "outside"), 0o755))
	secret := filepath.Join(parent, "outside", "secret")
	write(t, secret, "secret")
	for name, target := range map[string]string{
		"absolute": filepath.Join(parent, "outside"), "up": "../outside", "file": secret, "self": filepath.Join(dir, "x"), "root": "/",
	} {
		must(t, os.Symlink(target, filepath.Join(dir, name)))
	}
	before := stat(t, secret)
	c := connect(t, dir, sftp.Config{})
	for _, name := range []string{
		"../outside/secret", "/../outside/secret", "x/../../outside/secret", secret, "absolute/secret", "up/secret", "file",
		"root" + secret, "//..//outside/secret", "./.././outside/secret",
	} {
		if f, err := c.Open(name); err == nil {
			data, _ := io.ReadAll(f)
			t.Errorf("open %s: %q", name, data)
		}
		if f, err := c.OpenFile(name, os.O_WRONLY|os.O_TRUNC); err == nil {
			t.Errorf("open %s to write: %v", name, f.Close())
		}
		if err := c.Truncate(name, 0); err == nil {
			t.Errorf("truncate %s", name)
		}
		_ = c.Chmod(name, 0o777)
		_ = c.Chtimes(name, time.Unix(1, 0), time.Unix(1, 0))
		if err := c.Link(name, "linked"); err == nil && name != "file" { // a link to the link itself
			t.Errorf("link to %s", name)
		}
		_ = os.Remove(filepath.Join(dir, "linked"))
	}
	for _, name := range []string{"../outside/new", "absolute/new", "up/new"} {
		if f, err := c.OpenFile(name, os.O_WRONLY|os.O_CREATE); err == nil {
			t.Errorf("made %s: %v", name, f.Close())
		}
		_ = c.Mkdir(name)
		_ = c.Symlink("x", name)
		write(t, filepath.Join(dir, "mine"), "")
		_ = c.PosixRename("mine", name)
	}
	for _, name := range []string{"absolute", "up", "root"} {
		if entries, err := c.ReadDir(name); err == nil {
			t.Errorf("list %s: %v", name, entries)
		}
	}
	if after := stat(t, secret); *after != *before || content(t, secret) != "secret" {
		t.Errorf("the file outside changed: %+v", after)
	}
	if entries, err := os.ReadDir(filepath.Join(parent, "outside")); err != nil || len(entries) != 1 {
		t.Errorf("outside there are %v, %v", entries, err)
	}
}

// TestSpecialFiles are listed and never opened: that could block.
func TestSpecialFiles(t *testing.T) {
	dir := t.TempDir()
	must(t, syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o666))
	c := connect(t, dir, sftp.Config{})
	for _, flags := range []int{os.O_RDONLY, os.O_WRONLY, os.O_RDWR} {
		if _, err := c.OpenFile("fifo", flags); err == nil {
			t.Errorf("it was opened with %d", flags)
		}
	}
	if err := c.Truncate("fifo", 0); err == nil {
		t.Error("it was truncated")
	}
	if info, err := c.Lstat("fifo"); err != nil || info.Mode().Type() != fs.ModeNamedPipe {
		t.Errorf("%v, %v", info, err)
	}
	if _, err := c.StatVFS("fifo"); err != nil {
		t.Error(err)
	}
	must(t, c.Remove("fifo"))
}

func TestDirectoryThatIsNone(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "f"), "")
	for _, name := range []string{"missing", "f"} {
		if err := sftp.Serve(filepath.Join(dir, name), sftp.Config{}, strings.NewReader(""), io.Discard); err == nil {
			t.Errorf("%s was served", name)
		}
	}
}
