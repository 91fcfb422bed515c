// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package sftp

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"time"
)

const hasStatvfs = false

func fromHost(fs.FileInfo, *attributes) {}

// lstat returns the attributes of an entry of an open directory; none with an error.
func (s *server) lstat(dir *handle, entry string) (attributes, error) {
	info, err := s.root.Lstat(path.Join(dir.path, entry))
	if err != nil {
		return attributes{}, err
	}
	return s.describe(info), nil
}

// setTimes finds the file by its name: this system knows no other way.
func setTimes(f *os.File, atime, mtime time.Time) error { return os.Chtimes(f.Name(), atime, mtime) }

// setLinkTimes leaves the times of a symbolic link alone.
func setLinkTimes(*os.Root, string, time.Time, time.Time) error { return nil }

func statvfs(*os.File) ([]uint64, error) { return nil, errors.ErrUnsupported }
