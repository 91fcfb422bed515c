// SPDX-License-Identifier: Apache-2.0

package image

import "errors"

// ErrNotFound says that the cache has no image of a name that is up to date, or none of a digest.
var ErrNotFound = errors.New("image not found")

// Image is an image in the cache. Its files never change.
type Image struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
	// Disk, Kernel and Initrd are absolute paths. An image that was built has all of them, and one
	// ext4 file system on its disk. One that was fetched has a kernel only if its source names one;
	// otherwise there is a boot loader on its disk.
	Disk   string `json:"disk"`
	Kernel string `json:"kernel,omitempty"`
	Initrd string `json:"initrd,omitempty"`
	// Format of Disk: FormatQCOW2 or FormatRaw.
	Format string `json:"format"`
	// KernelArgs are the arguments that the image needs on the kernel's command line.
	KernelArgs string `json:"kernelArgs,omitempty"`
	// Parts of an image that was fetched; nil: rdd built it.
	Parts map[string]Part `json:"parts,omitempty"`
}
