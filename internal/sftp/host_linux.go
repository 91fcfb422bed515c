// SPDX-License-Identifier: Apache-2.0

package sftp

import (
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// hasStatvfs: this system can say how much room a file system has.
const hasStatvfs = true

// fromHost adds what Go's description of a file leaves out.
func fromHost(info fs.FileInfo, a *attributes) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return
	}
	a.flags |= hasOwner
	a.uid, a.gid, a.mode = st.Uid, st.Gid, st.Mode
	a.atime = clampTime(time.Unix(st.Atim.Unix()))
}

// lstat returns the attributes of an entry of an open directory, whatever path that has by now;
// none with an error.
func (s *server) lstat(dir *handle, entry string) (attributes, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(int(dir.file.Fd()), entry, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return attributes{}, err
	}
	return attributes{
		flags: hasSize | hasMode | hasTimes | hasOwner, size: uint64(max(st.Size, 0)), mode: st.Mode,
		uid: s.UID.toGuest(st.Uid), gid: s.GID.toGuest(st.Gid),
		atime: clampTime(time.Unix(st.Atim.Unix())), mtime: clampTime(time.Unix(st.Mtim.Unix())),
	}, nil
}

// setTimes changes the times of an open file.
func setTimes(f *os.File, atime, mtime time.Time) error {
	times := []unix.Timeval{unix.NsecToTimeval(atime.UnixNano()), unix.NsecToTimeval(mtime.UnixNano())}
	return unix.Futimes(int(f.Fd()), times)
}

// setLinkTimes changes the times of a symbolic link itself.
func setLinkTimes(root *os.Root, name string, atime, mtime time.Time) error {
	dir, err := root.Open(path.Dir(name))
	if err != nil {
		return err
	}
	times := []unix.Timespec{unix.NsecToTimespec(atime.UnixNano()), unix.NsecToTimespec(mtime.UnixNano())}
	return closing(dir, unix.UtimesNanoAt(int(dir.Fd()), path.Base(name), times, unix.AT_SYMLINK_NOFOLLOW))
}

// statvfs returns the values of the reply to statvfs@openssh.com.
func statvfs(f *os.File) ([]uint64, error) {
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &st); err != nil {
		return nil, err
	}
	size := uint64(st.Bsize)
	if st.Frsize > 0 {
		size = uint64(st.Frsize)
	}
	const readOnly, noSetuid = 1, 2
	return []uint64{
		uint64(st.Bsize), size, st.Blocks, st.Bfree, st.Bavail, st.Files, st.Ffree, st.Ffree, 0,
		uint64(st.Flags) & (readOnly | noSetuid), uint64(st.Namelen),
	}, nil
}
