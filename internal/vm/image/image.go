// SPDX-License-Identifier: Apache-2.0

package image

import "errors"

// ErrNotFound says that the cache holds no usable image of a name.
var ErrNotFound = errors.New("image not found")

// Image is an image in the cache. Its files never change.
type Image struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
	// Disk, Kernel and Initrd are absolute paths. One that was built has all of them, and one ext4
	// file system on its disk; one that was fetched has a kernel only if its source names one, and
	// else a boot loader on its disk.
	Disk   string `json:"disk"`
	Kernel string `json:"kernel,omitempty"`
	Initrd string `json:"initrd,omitempty"`
	// Format of Disk: FormatQCOW2 or FormatRaw.
	Format string `json:"format"`
	// KernelArgs are what the image needs on the kernel's command line.
	KernelArgs string `json:"kernelArgs,omitempty"`
	// Parts of an image that was fetched; nil: rdd built it.
	Parts map[string]Part `json:"parts,omitempty"`
}
