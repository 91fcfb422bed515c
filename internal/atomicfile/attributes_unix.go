// SPDX-License-Identifier: Apache-2.0

//go:build linux || darwin

package atomicfile

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// copyAttributes gives a new file the extended attributes of the file at path, and no others: a
// directory's default ACL has been given to the new one only. ACLs of Linux are such attributes.
func copyAttributes(f *os.File, path string) error {
	to := int(f.Fd())
	has, err := attributes(func(buffer []byte) (int, error) { return unix.Flistxattr(to, buffer) })
	if err != nil {
		return err
	}
	wanted, err := attributes(func(buffer []byte) (int, error) { return unix.Listxattr(path, buffer) })
	if err != nil {
		return err
	}
	for _, name := range has {
		if slices.Contains(wanted, name) {
			continue
		}
		if err := unix.Fremovexattr(to, name); err != nil {
			return &os.PathError{Op: "fremovexattr", Path: f.Name(), Err: err}
		}
	}
	for _, name := range wanted {
		if err := copyAttribute(to, path, name); err != nil {
			return &os.PathError{Op: "copying the attribute " + name, Path: f.Name(), Err: err}
		}
	}
	return nil
}

func copyAttribute(to int, path, name string) error {
	want, err := read(func(buffer []byte) (int, error) { return unix.Getxattr(path, name, buffer) })
	if err != nil {
		return err
	}
	has, err := read(func(buffer []byte) (int, error) { return unix.Fgetxattr(to, name, buffer) })
	if err == nil && bytes.Equal(has, want) {
		return nil
	}
	return unix.Fsetxattr(to, name, want, 0)
}

// attributes returns the names that list lists; none on a file system without attributes.
func attributes(list func([]byte) (int, error)) ([]string, error) {
	data, err := read(list)
	if errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	return strings.FieldsFunc(string(data), func(r rune) bool { return r == 0 }), err
}

// read calls a system call that says how much room it needs when it is given none. What has grown
// in between is asked for again.
func read(call func([]byte) (int, error)) ([]byte, error) {
	for {
		size, err := call(nil)
		if err != nil || size == 0 {
			return nil, err
		}
		buffer := make([]byte, size)
		size, err = call(buffer)
		if errors.Is(err, unix.ERANGE) {
			continue
		}
		return buffer[:max(size, 0)], err
	}
}
