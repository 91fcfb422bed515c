// SPDX-License-Identifier: Apache-2.0

//go:build linux

package instance

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/flock"
)

// world is a user's home with instance 2.
type world struct {
	t    *testing.T
	home string
	inst Instance
}

func newWorld(t *testing.T) world {
	t.Helper()
	homeDir(t)
	return newWorldWith(t)
}

// newWorldWith is newWorld in the environment as it is.
func newWorldWith(t *testing.T) world {
	t.Helper()
	inst, err := Resolve("2")
	if err != nil {
		t.Fatal(err)
	}
	return world{t: t, home: os.Getenv("HOME"), inst: inst}
}

func (w world) make() {
	w.t.Helper()
	w.must(w.inst.MakeDirs())
}

func (w world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w world) path(name string) string { return filepath.Join(w.home, name) }

// write writes a file, and the directories above it.
func (w world) write(path, text string) {
	w.t.Helper()
	w.must(os.MkdirAll(filepath.Dir(path), 0o700))
	w.must(os.WriteFile(path, []byte(text), 0o600))
}

// linked checks that path is a link to a directory with the file name that holds text.
func (w world) linked(path, target, name, text string) {
	w.t.Helper()
	if got, err := os.Readlink(path); err != nil || got != target {
		w.t.Errorf("%s leads to %q, %v; want %q", path, got, err, target)
	}
	if data, err := os.ReadFile(filepath.Join(path, name)); err != nil || string(data) != text {
		w.t.Errorf("%s in %s holds %q, %v; want %q", name, path, data, err, text)
	}
}

func (w world) refused(want string) {
	w.t.Helper()
	if err := w.inst.MakeDirs(); err == nil || !strings.Contains(err.Error(), want) {
		w.t.Errorf("got %v, want %q", err, want)
	}
}

// oldDirs makes the directories as they were before there were hidden parents.
func (w world) oldDirs() {
	for _, dir := range []string{w.inst.Dir, w.inst.LogDir, w.inst.LimaHome(), w.inst.TLSDir()} {
		w.must(os.MkdirAll(dir, 0o700))
		w.write(filepath.Join(dir, "file"), dir)
	}
}

func TestDirectoriesAreBelowHiddenParents(t *testing.T) {
	w := newWorld(t)
	for range 2 { // whatever is there is left as it is
		w.make()
		for link, target := range map[string]string{
			".rd2": ".rd.d/2", ".local/share/rancher-desktop-2": "rancher-desktop.d/2", ".local/state/rancher-desktop-2": "rancher-desktop.d/2",
		} {
			if got, err := os.Readlink(w.path(link)); err != nil || got != target {
				t.Errorf("%s leads to %q, %v", link, got, err)
			}
			for _, dir := range []string{link, filepath.Join(filepath.Dir(link), target), filepath.Join(filepath.Dir(link), filepath.Dir(target))} {
				if info, err := os.Stat(w.path(dir)); err != nil || info.Mode() != fs.ModeDir|0o700 {
					t.Errorf("%s: %v, %v", dir, info, err)
				}
			}
		}
	}
}

// TestOldDirectoriesMove: they are moved as they are, with the locks that processes hold in them.
func TestOldDirectoriesMove(t *testing.T) {
	w := newWorld(t)
	w.oldDirs()
	lock, err := flock.Try(w.inst.LockFile())
	w.must(err)
	w.make()
	w.linked(w.inst.Dir, "rancher-desktop.d/2", "tls/file", w.inst.TLSDir())
	w.linked(w.inst.LogDir, "rancher-desktop.d/2", "file", w.inst.LogDir)
	w.linked(w.inst.ShortDir, ".rd.d/2", "lima/file", w.inst.LimaHome())
	if current, err := lock.Current(); err != nil || !current {
		t.Errorf("the lock is another one: %v", err)
	}
	w.must(lock.Unlock())
}

// TestInterruptedMove: a link in the parent is what a move leaves that was cut short.
func TestInterruptedMove(t *testing.T) {
	for name, before := range map[string]func(world){
		"before": func(w world) { w.oldDirs() },
		"none":   func(world) {},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			before(w)
			w.must(os.MkdirAll(w.path(".rd.d"), 0o700))
			w.must(os.Symlink(".rd.d/2", w.path(".rd.d/2")))
			w.make()
			w.write(w.path(".rd2/lima/new"), "new")
			w.linked(w.inst.ShortDir, ".rd.d/2", "lima/new", "new")
		})
	}
}

// TestSameBases: service and log directory are one when the user has chosen so.
func TestSameBases(t *testing.T) {
	homeDir(t)
	base := t.TempDir()
	t.Setenv("XDG_DATA_HOME", base)
	t.Setenv("XDG_STATE_HOME", base)
	w := newWorldWith(t)
	w.make()
	w.write(w.inst.ArgsFile(), "{}")
	w.make()
	w.linked(w.inst.LogDir, "rancher-desktop.d/2", "args.json", "{}")
}

// TestRemovedLinksComeBack: whoever removes what he takes for rdd's directories loses nothing.
func TestRemovedLinksComeBack(t *testing.T) {
	for name, restore := range map[string]func(Instance) error{"make": Instance.MakeDirs, "relink": Instance.Relink} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.make()
			w.write(w.inst.ArgsFile(), "{}")
			w.write(filepath.Join(w.inst.LimaHome(), "key"), "key")
			for _, dir := range []string{w.inst.Dir, w.inst.LogDir, w.inst.ShortDir} {
				w.must(os.RemoveAll(dir))
			}
			if names, err := List(); err != nil || !slices.Equal(names, []string{"2"}) {
				t.Errorf("listed %v, %v", names, err)
			}
			w.must(restore(w.inst))
			w.linked(w.inst.Dir, "rancher-desktop.d/2", "args.json", "{}")
			w.linked(w.inst.ShortDir, ".rd.d/2", "lima/key", "key")
		})
	}
}

// TestSocketInPlaceOfALink: a process that listens makes the directory of its socket.
func TestSocketInPlaceOfALink(t *testing.T) {
	w := newWorld(t)
	w.make()
	w.write(filepath.Join(w.inst.LimaHome(), "key"), "key")
	w.must(os.Remove(w.inst.ShortDir))
	w.must(os.MkdirAll(w.inst.LimaHome(), 0o700))
	listener, err := net.Listen("unix", w.inst.DockerSocket())
	w.must(err)
	defer listener.Close()
	w.must(w.inst.Relink())
	w.linked(w.inst.ShortDir, ".rd.d/2", "lima/key", "key")
	conn, err := net.Dial("unix", w.inst.DockerSocket())
	w.must(err)
	w.must(conn.Close())
}

func TestRelinkMakesNothing(t *testing.T) {
	w := newWorld(t)
	w.must(w.inst.Relink())
	if entries, err := os.ReadDir(w.home); err != nil || len(entries) != 0 {
		t.Errorf("made %v, %v", entries, err)
	}
	w.must(os.Symlink("elsewhere", w.inst.ShortDir))
	w.must(os.MkdirAll(w.path(".rd.d/2"), 0o700))
	w.must(w.inst.Relink())
	if target, err := os.Readlink(w.inst.ShortDir); err != nil || target != "elsewhere" {
		t.Errorf("the user's link leads to %q: %v", target, err)
	}
}

// TestWhatCannotMoveStays: a link of the user's own, and a directory whose parent is on another
// file system.
func TestWhatCannotMoveStays(t *testing.T) {
	w := newWorld(t)
	w.must(os.Mkdir(w.path("elsewhere"), 0o700))
	w.must(os.Symlink("elsewhere", w.inst.ShortDir))
	w.oldDirs()
	other, err := os.MkdirTemp("/dev/shm", "rdd")
	w.must(err)
	t.Cleanup(func() { w.must(os.RemoveAll(other)) })
	w.must(os.Symlink(other, w.path(".local/share/rancher-desktop.d")))
	for range 2 {
		w.make()
	}
	w.linked(w.inst.ShortDir, "elsewhere", "lima/file", w.inst.LimaHome())
	if info, err := os.Lstat(w.inst.Dir); err != nil || !info.IsDir() {
		t.Errorf("the service directory became %v, %v", info, err)
	}
	hidden, err := Hidden()
	w.must(err)
	for _, dir := range []string{w.inst.ShortDir, w.inst.Dir} {
		if !slices.Contains(hidden, dir) {
			t.Errorf("%s is not hidden: %v", dir, hidden)
		}
	}
}

// TestTwoDirectories: rdd does not choose between a directory and the one that the link led to.
func TestTwoDirectories(t *testing.T) {
	for name, replace := range map[string]func(world){
		"directory": func(w world) { w.write(filepath.Join(w.inst.Dir, "args.json"), "theirs") },
		"link": func(w world) {
			w.must(os.Mkdir(w.path("theirs"), 0o700))
			w.must(os.Symlink(w.path("theirs"), w.inst.Dir))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.make()
			w.write(w.inst.ArgsFile(), "ours")
			w.must(os.Remove(w.inst.Dir))
			replace(w)
			w.refused("rancher-desktop-2 and " + w.path(".local/share/rancher-desktop.d/2") + " both exist")
			if data, err := os.ReadFile(w.path(".local/share/rancher-desktop.d/2/args.json")); err != nil || string(data) != "ours" {
				t.Errorf("ours holds %q, %v", data, err)
			}
		})
	}
}

func TestRemoveDirLeavesTheParent(t *testing.T) {
	w := newWorld(t)
	w.make()
	for _, dir := range []string{w.inst.LogDir, w.inst.ShortDir, w.inst.Dir, w.inst.Dir} {
		w.must(w.inst.RemoveDir(dir))
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left: %v", dir, err)
		}
	}
	for _, parent := range []string{".rd.d", ".local/share/rancher-desktop.d", ".local/state/rancher-desktop.d"} {
		if !isDir(w.path(parent)) {
			t.Errorf("%s is gone", parent)
		}
		if isDir(w.path(parent + "/2")) {
			t.Errorf("%s/2 is left", parent)
		}
	}
	w.make()
}

// TestHidden: hidden parents are made before any instance is, and those of other XDG_* variables
// are known.
func TestHidden(t *testing.T) {
	w := newWorld(t)
	parents := []string{w.path(".local/share/rancher-desktop.d"), w.path(".local/state/rancher-desktop.d"), w.path(".rd.d")}
	check := func(want ...string) {
		t.Helper()
		hidden, err := Hidden()
		w.must(err)
		for _, dir := range slices.Concat(parents, want) {
			if !slices.Contains(hidden, dir) {
				t.Errorf("%s is not hidden: %v", dir, hidden)
			}
		}
	}
	check()
	for _, parent := range parents {
		if !isDir(parent) {
			t.Errorf("%s was not made", parent)
		}
	}
	w.make()
	t.Setenv("XDG_DATA_HOME", w.path("other"))
	newWorldWith(t).make()
	t.Setenv("XDG_DATA_HOME", "")
	w.must(os.Mkdir(w.path("other/rancher-desktop-plain"), 0o700))
	check(w.path("other/rancher-desktop.d"), w.path("other/rancher-desktop-plain"), w.inst.Dir, w.inst.ShortDir)

	// A list that is damaged is made again by whoever needs it.
	for _, damage := range []string{"", "garbage", `["relative"]`} {
		w.write(w.path(".rd.d/parents.json"), damage)
		check()
		w.make()
	}
	t.Setenv("XDG_DATA_HOME", w.path("other"))
	newWorldWith(t).make()
	t.Setenv("XDG_DATA_HOME", "")
	check(w.path("other/rancher-desktop.d"))
}

func TestAnotherUsersDirectory(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a directory away")
	}
	w := newWorld(t)
	w.make()
	for _, dir := range w.inst.secretDirs() {
		w.must(os.Chown(dir, 12345, -1))
		w.refused(dir + " belongs to another user (uid 12345)")
		w.must(os.Chown(dir, 0, -1))
	}
	w.make()
}
