// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm/qemu/share"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// stubs stand for the guest's programs: mount records its arguments and fails where there is no 9p
// device of the tag.
const stubs = `
findmnt() { cat "$dir/mounted" 2>/dev/null; }
modprobe() { [ "$2" != 9p ] || [ ! -e "$dir/has9p" ] || echo "nodev 9p" >>"$dir/filesystems"; }
systemctl() { printf '<%s>' "$@" >>"$dir/started"; }
mount() { printf '<%s>' "$@" >>"$dir/calls"; [ "$5" != mount9 ]; }
ca_certs() { :; }
`

// runShares runs the boot script's mounts on this host, below a directory.
func runShares(t *testing.T, dir, driver string, set share.Set) (output string, err error) {
	t.Helper()
	s := settings(&template.Template{MountType: driver})
	s.Shares = set
	_, function, _ := strings.Cut(bootScript, "# make_dir DIR")
	function, _, _ = strings.Cut(function, "\nfinish()")
	_, calls, _ := strings.Cut(string(s.Boot()), bootScript)
	put := "put() { printf '%s\\n' \"$3\" >\"$1\"; }\n"
	here := strings.NewReplacer("/proc/filesystems", dir+"/filesystems", "/run/rdd", dir, "/run/systemd/system", dir)
	script := "set -eu\nuser=$(id -un)\nmount_driver=" + driver + "\ndir=" + dir + "\nfinish() { :; }\n" + put + stubs +
		"#" + here.Replace(function) + calls
	if err := os.WriteFile(filepath.Join(dir, "filesystems"), []byte("nodev proc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("/bin/sh", "-c", script).CombinedOutput()
	return string(out), err
}

func TestSharesAreMounted(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "has9p", "")
	quoted := filepath.Join(dir, "it's $HOME ü")
	out, err := runShares(t, dir, "", share.Set{
		{Field: "mounts[1]", Tag: "mount1", MountPoint: filepath.Join(dir, "a")},
		{Field: "mounts[0]", Tag: "mount0", MountPoint: quoted, Writable: true},
	})
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	const options = "trans=virtio,version=9p2000.L,msize=131072,cache=mmap,directio,"
	want := "<-t><9p><-o><" + options + "ro><mount1><" + filepath.Join(dir, "a") + "><-t><9p><-o><" + options + "rw><mount0><" + quoted + ">"
	if calls, err := os.ReadFile(filepath.Join(dir, "calls")); err != nil || string(calls) != want {
		t.Errorf("mount was called %s, %v\nwant %s", calls, err, want)
	}
	if info, err := os.Stat(quoted); err != nil || !info.IsDir() {
		t.Errorf("the mount point was not made: %v", err)
	}
}

func TestMountedShareIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "mounted", "mount0\n")
	if out, err := runShares(t, dir, "", share.Set{{Field: "mounts[0]", Tag: "mount0", MountPoint: filepath.Join(dir, "a")}}); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if calls, err := os.ReadFile(filepath.Join(dir, "calls")); !os.IsNotExist(err) {
		t.Errorf("it was mounted again: %s", calls)
	}
}

func TestMountFailuresSayWhich(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(dir string)
		tag     string
		want    string
	}{
		"a kernel without 9p": {func(string) {}, "mount0", "has no 9p file system"},
		"a file in the way": {
			func(dir string) { write(t, dir, "has9p", ""); write(t, dir, "a", "") }, "mount0", "/a cannot be made in the guest",
		},
		"a device that is not in": {func(dir string) { write(t, dir, "has9p", "") }, "mount9", "cannot be mounted on"},
	} {
		dir := t.TempDir()
		c.prepare(dir)
		out, err := runShares(t, dir, template.Mount9p, share.Set{
			{Field: "mounts[7]", Tag: c.tag, MountPoint: filepath.Join(dir, "a")},
			{Field: "mounts[8]", Tag: "mount8", MountPoint: filepath.Join(dir, "b")},
		})
		if err == nil || !strings.Contains(out, "mounts[7] cannot be mounted") || !strings.Contains(out, c.want) {
			t.Errorf("%s: %v: %s", name, err, out)
		}
		if _, err := os.Stat(filepath.Join(dir, "b")); err == nil {
			t.Errorf("%s: the script went on", name)
		}
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestLinksInTheGuest: what the guest has at the path stays, but for an empty directory.
func TestLinksInTheGuest(t *testing.T) {
	for name, prepare := range map[string]func(path string) error{
		"nothing":      func(string) error { return nil },
		"an empty one": func(path string) error { return os.MkdirAll(path, 0o700) },
		"another link": func(path string) error {
			return errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.Symlink("/x", path))
		},
		"a used one": func(path string) error { return os.MkdirAll(filepath.Join(path, "x"), 0o700) },
		"a file": func(path string) error {
			return errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, 0o600))
		},
		"a file in path": func(path string) error { return os.WriteFile(filepath.Dir(path), nil, 0o600) },
	} {
		path := filepath.Join(t.TempDir(), "it's", "here")
		if err := prepare(path); err != nil {
			t.Fatal(err)
		}
		out, err := bootFunctions(t, `user=x; link "$@"`, path, "/target")
		kept := name == "a used one" || name == "a file" || name == "a file in path"
		target, _ := os.Readlink(path)
		if err != nil || kept != strings.Contains(out, "does not lead to /target") || kept == (target == "/target") {
			t.Errorf("%s: leads to %q, %v: %s", name, target, err, out)
		}
	}
}

// TestSharesAreLeftToTheHost: where there is no 9p, or the template wants none. Services wait.
func TestSharesAreLeftToTheHost(t *testing.T) {
	for name, c := range map[string]struct {
		driver string
		has9p  bool
		left   bool
	}{
		"a kernel without 9p": {"", false, true}, "a kernel with 9p": {"", true, false},
		"sshfs is wanted": {template.MountSSHFS, true, true}, "9p is wanted": {template.Mount9p, true, false},
	} {
		dir := t.TempDir()
		if c.has9p {
			write(t, dir, "has9p", "")
		}
		outer, inner := filepath.Join(dir, "it's"), filepath.Join(dir, "it's/inner")
		out, err := runShares(t, dir, c.driver, share.Set{
			{Field: "mounts[0]", Tag: "mount0", MountPoint: outer}, {Field: "mounts[1]", Tag: "mount1", MountPoint: inner},
		})
		if err != nil {
			t.Fatalf("%s: %v: %s", name, err, out)
		}
		read := func(file string) string {
			text, _ := os.ReadFile(filepath.Join(dir, file))
			return string(text)
		}
		if left := strings.Contains(read("calls"), "<-t><tmpfs><-o><ro,size=4k,mode=0555><rdd-mount><"+outer+">"); left != c.left {
			t.Errorf("%s: mount was called %s", name, read("calls"))
		}
		if strings.Contains(read("calls"), "<9p>") == c.left {
			t.Errorf("%s: mount was called %s", name, read("calls"))
		}
		if _, err := os.Stat(filepath.Join(dir, "sshfs")); (err == nil) != c.left {
			t.Errorf("%s: the host is told %v", name, err)
		}
		if waits := strings.Contains(read("rdd-mounts.service"), "Before=containerd.service docker.service"); waits != c.left {
			t.Errorf("%s: services wait for %q", name, read("rdd-mounts.service"))
		}
		if started := read("started") == "<start><--no-block><rdd-mounts.service>"; started != c.left {
			t.Errorf("%s: systemctl was called %s", name, read("started"))
		}
	}
}

func TestScriptsAwaitMounts(t *testing.T) {
	mounts := []template.Mount{{Location: "/x"}}
	for name, c := range map[string]struct {
		template template.Template
		want     bool
	}{
		"nothing": {template.Template{}, false}, "mounts": {template.Template{Mounts: mounts}, true},
		"mounts by 9p":    {template.Template{Mounts: mounts, MountType: template.Mount9p}, false},
		"mounts by sshfs": {template.Template{Mounts: mounts, MountType: template.MountSSHFS}, true},
		"no mounts":       {template.Template{MountType: template.MountSSHFS}, false},
		"files":           {template.Template{Provision: []template.Provision{{Mode: template.ModeYQ}}}, true},
	} {
		if got := strings.Contains(string(settings(&c.template).Provision()), "\nawait_host\n"); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
