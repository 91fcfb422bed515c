// SPDX-License-Identifier: Apache-2.0

package atomicfile

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The attributes in which Linux keeps ACLs, and one in the format of the kernel: the owner and uid
// 1234 may read and write, others nothing.
const (
	aclAttribute        = "system.posix_acl_access"
	defaultACLAttribute = "system.posix_acl_default"
	acl                 = "\x02\x00\x00\x00" +
		"\x01\x00\x06\x00\xff\xff\xff\xff" + "\x02\x00\x06\x00\xd2\x04\x00\x00" + "\x04\x00\x00\x00\xff\xff\xff\xff" +
		"\x10\x00\x06\x00\xff\xff\xff\xff" + "\x20\x00\x00\x00\xff\xff\xff\xff"
)

// attribute sets an extended attribute, and skips the test where the file system has none.
func attribute(t *testing.T, path, name, value string) {
	t.Helper()
	err := unix.Setxattr(path, name, []byte(value), 0)
	if errors.Is(err, unix.ENOTSUP) {
		t.Skip("the file system has no such attributes")
	}
	if err != nil {
		t.Fatal(err)
	}
}

func wantAttribute(t *testing.T, path, name, want string) {
	t.Helper()
	got, err := read(func(buffer []byte) (int, error) { return unix.Getxattr(path, name, buffer) })
	if !bytes.Equal(got, []byte(want)) || err != nil && want != "" {
		t.Errorf("%s: %s is %q, %v; want %q", path, name, got, err, want)
	}
}

func TestReplaceKeepsAttributes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("old"), 0o640); err != nil {
		t.Fatal(err)
	}
	attribute(t, path, "user.mine", "value")
	attribute(t, path, aclAttribute, acl)
	if os.Geteuid() == 0 {
		if err := os.Chown(path, 1234, 4321); err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := Replace(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(path)
	if err != nil || after.Mode() != before.Mode() || os.SameFile(before, after) {
		t.Errorf("mode %v, was %v, %v", after.Mode(), before.Mode(), err)
	}
	was, is := before.Sys().(*syscall.Stat_t), after.Sys().(*syscall.Stat_t)
	if was.Uid != is.Uid || was.Gid != is.Gid {
		t.Errorf("it belongs to %d:%d, before to %d:%d", is.Uid, is.Gid, was.Uid, was.Gid)
	}
	wantAttribute(t, path, "user.mine", "value")
	wantAttribute(t, path, aclAttribute, acl)
}

// TestReplaceGivesNobodyMore: what a directory gives to each new file, the old one did not have.
func TestReplaceGivesNobodyMore(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	attribute(t, dir, defaultACLAttribute, acl)
	if err := Replace(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	wantAttribute(t, path, aclAttribute, "")
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o644 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// TestReplaceOfAMountPoint: nothing can be renamed to one.
func TestReplaceOfAMountPoint(t *testing.T) {
	dir := t.TempDir()
	from, path := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	if err := errors.Join(os.WriteFile(from, []byte("old"), 0o600), os.WriteFile(path, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(from, path, "", unix.MS_BIND, ""); err != nil {
		t.Skip("this user may not mount")
	}
	t.Cleanup(func() { _ = unix.Unmount(path, 0) })
	wantInPlace(t, path, "old")
}
