// SPDX-License-Identifier: Apache-2.0

package vmdir

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"rancherdesktop.io/rdd/internal/regular"
	"rancherdesktop.io/rdd/internal/vm/image"
)

// Names of a machine's disk, and of the files that it has of its image, as Lima has them.
const (
	DiskName     = "disk"
	BaseDiskName = "basedisk"
	KernelName   = "kernel"
	InitrdName   = "initrd"
)

// Image is the guest image the machine boots from. One that rdd built, without Parts, boots by its
// kernel and takes its settings as systemd credentials. Any other takes them from a seed for
// cloud-init; it boots by firmware unless it has a kernel.
type Image struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
	// Disk, Kernel and Initrd are absolute paths: of the files in the directory where Base has
	// them, as ReadRecord sets them wherever the directory is by then, else in the cache of images,
	// as older rdd have recorded them.
	Disk   string `json:"disk"`
	Kernel string `json:"kernel,omitempty"`
	Initrd string `json:"initrd,omitempty"`
	// Format of Disk: image.FormatQCOW2 or image.FormatRaw; empty in records of older rdd, for the
	// first.
	Format     string `json:"format,omitempty"`
	KernelArgs string `json:"kernelArgs,omitempty"`
	// Base has the files of the image that are in the machine's own directory, by name, with their
	// sizes in bytes. Nil: the machine still depends on the cache.
	Base map[string]int64 `json:"base,omitempty"`
	// Parts that the image was fetched from.
	Parts map[string]image.Part `json:"parts,omitempty"`
}

// Built reports whether rdd built the image.
func (i Image) Built() bool { return i.Parts == nil }

// DiskFormat is the format of Disk.
func (i Image) DiskFormat() string {
	if i.Format == "" {
		return image.FormatQCOW2
	}
	return i.Format
}

// In returns the image as it is with its files in directory d.
func (i Image) In(d Dir) Image {
	i.Disk = d.BaseDisk()
	if i.Kernel != "" {
		i.Kernel = d.Kernel()
	}
	if i.Initrd != "" {
		i.Initrd = d.Initrd()
	}
	return i
}

// resolve sets the paths of files that are in the directory.
func (i *Image) resolve(d Dir) {
	if i.Base != nil {
		*i = i.In(d)
	}
}

// Files are the paths of the image's files.
func (i Image) Files() []string {
	files := []string{i.Disk}
	for _, path := range []string{i.Kernel, i.Initrd} {
		if path != "" {
			files = append(files, path)
		}
	}
	return files
}

// MissingFileError says that a file which a machine needs is not there, or is not what it was.
type MissingFileError struct{ Path, Reason string }

func (e *MissingFileError) Error() string { return e.Path + " " + e.Reason }

// Check makes sure, without reading them, that the image's files are there, are regular files, and
// of the sizes that were recorded. *MissingFileError.
func (i Image) Check() error {
	for _, path := range i.Files() {
		info, err := regular.Stat(path)
		var special *regular.NotRegularError
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return &MissingFileError{Path: path, Reason: "is missing"}
		case errors.As(err, &special):
			return &MissingFileError{Path: path, Reason: "is not a regular file but " + special.What()}
		case err != nil:
			return &MissingFileError{Path: path, Reason: "cannot be read: " + err.Error()}
		}
		if want, known := i.Base[filepath.Base(path)]; known && info.Size() != want {
			return &MissingFileError{Path: path, Reason: fmt.Sprintf("is damaged: it has %d bytes, and had %d", info.Size(), want)}
		}
	}
	return nil
}

// Measure records the sizes of the files that are in directory d.
func (i *Image) Measure(d Dir) error {
	placed := i.In(d)
	placed.Base = map[string]int64{}
	for _, path := range placed.Files() {
		info, err := regular.Stat(path)
		if err != nil {
			return fmt.Errorf("measuring the image: %w", err)
		}
		placed.Base[filepath.Base(path)] = info.Size()
	}
	*i = placed
	return nil
}
