// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package sftp

import (
	"errors"
	"io/fs"
	"os"
	"time"
)

const hasStatvfs = false

func fromHost(fs.FileInfo, *attributes) {}

// setTimes finds the file by its name: this system knows no other way.
func setTimes(f *os.File, atime, mtime time.Time) error { return os.Chtimes(f.Name(), atime, mtime) }

// setLinkTimes leaves the times of a symbolic link alone.
func setLinkTimes(*os.Root, string, time.Time, time.Time) error { return nil }

func statvfs(*os.File) ([]uint64, error) { return nil, errors.ErrUnsupported }
