// SPDX-License-Identifier: Apache-2.0

package share

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// openResolved opens a directory by a path that may have no symbolic links. A kernel before 5.6
// cannot check that, and follows them.
func openResolved(path string) (*os.File, error) {
	fd, err := unix.Openat2(unix.AT_FDCWD, path, &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS,
	})
	if errors.Is(err, unix.ENOSYS) {
		return os.Open(path)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the shared directory: %w", &os.PathError{Op: "openat2", Path: path, Err: err})
	}
	return os.NewFile(uintptr(fd), path), nil
}

// descriptorPath is a path of what is open (proc(5)).
func descriptorPath(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }
