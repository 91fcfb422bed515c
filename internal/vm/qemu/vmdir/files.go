// SPDX-License-Identifier: Apache-2.0

package vmdir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/regular"
)

const (
	// maxFileSize bounds records and templates, in bytes. A larger one is damaged.
	maxFileSize = 8 << 20
	fileMode    = 0o600
	// apartInfix is between a file's name and the time at which it was set apart.
	apartInfix = ".damaged-"
	// apartTime is the form of that time.
	apartTime = "20060102T150405.000000Z"
)

// read reads a file of the instance. It does not block on a FIFO, and the file may not be larger
// than maxFileSize. The error names the file.
func read(path string) (_ []byte, err error) {
	f, info, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if info.Size() > maxFileSize {
		return nil, fmt.Errorf("%s is damaged: it has %d bytes", path, info.Size())
	}
	return io.ReadAll(io.LimitReader(f, maxFileSize))
}

// Write replaces a file of the instance, as atomicfile.Write does. A directory in its place is set
// apart.
func Write(path string, data []byte, mode fs.FileMode) error {
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		if err := SetApart(path); err != nil {
			return err
		}
	}
	return atomicfile.Write(path, data, mode)
}

// SetApart renames a damaged file to NAME.damaged-TIME, so that another can be written in its place
// and nothing is lost. A file that is not there, or is empty, is left as it is.
func SetApart(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && info.Mode().IsRegular() && info.Size() == 0) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("setting a damaged file apart: %w", err)
	}
	if err := atomicfile.Rename(path, path+apartInfix+time.Now().UTC().Format(apartTime)); err != nil {
		return fmt.Errorf("setting a damaged file apart: %w", err)
	}
	return nil
}

// ClearWay sets apart what is in the way of the files that a start writes, so that nobody blocks on
// a FIFO or fails because of a directory. The caller holds ha.lock, and nothing runs.
func (d Dir) ClearWay() error {
	var errs []error
	for _, path := range []string{
		d.HostagentStdout(), d.HostagentStderr(), d.QEMULog(), d.Serial(), d.HostagentPID(), d.QEMUPID(),
		d.SSHConfig(), d.OwnSSHConfig(), d.KnownHosts(), d.BootScript(), d.ProvisionScript(), d.Seed(), d.QEMULock(),
		d.VNCDisplay(), d.VNCPassword(),
	} {
		errs = append(errs, ClearFile(path))
	}
	for _, path := range []string{d.HostagentSocket(), d.QMPSocket(), d.ShellSocket()} {
		errs = append(errs, clearUnless(path, func(mode fs.FileMode) bool { return mode.Type() == fs.ModeSocket }))
	}
	for _, path := range []string{d.Views(), d.TPM()} {
		errs = append(errs, clearUnless(path, fs.FileMode.IsDir))
	}
	return errors.Join(errs...)
}

// ClearFile sets apart what is in the way of a regular file.
func ClearFile(path string) error { return clearUnless(path, fs.FileMode.IsRegular) }

// clearUnless sets a file apart unless it is as it should be. It follows symbolic links.
func clearUnless(path string, good func(fs.FileMode) bool) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && good(info.Mode())) {
		return nil
	}
	return SetApart(path)
}
