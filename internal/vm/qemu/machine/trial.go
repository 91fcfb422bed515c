// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"os"
	"path/filepath"
	"strings"
)

// trial is a boot by which an accelerator is tried.
type trial struct {
	args []string
	// marker begins the line that the guest prints when the accelerator works.
	marker string
}

const (
	// liveMarker is printed by the first program in the initrd.
	liveMarker = "rdd-guest-lives"
	// rootMarker is what a kernel without a root disk prints last, when everything else has worked.
	rootMarker = "Kernel panic - not syncing: VFS:"
)

// trial finds a kernel to boot: the image's, which may have been removed meanwhile, else the host's
// own below root; false when there is none.
func (c Chooser) trial(root string) (trial, bool) {
	if isFile(c.Kernel) && isFile(c.Initrd) {
		return trial{marker: liveMarker, args: []string{
			"-kernel", c.Kernel, "-initrd", c.Initrd, "-append", "console=ttyS0 quiet panic=-1 rdinit=/bin/busybox -- echo " + liveMarker,
		}}, true
	}
	kernel := hostKernel(root)
	return trial{marker: rootMarker, args: []string{"-kernel", kernel, "-append", "console=ttyS0 quiet panic=-1 printk.time=0"}}, kernel != ""
}

// hostKernel finds the file of the kernel that runs here, if it is readable: some distributions let
// only root read it.
func hostKernel(root string) string {
	release, err := os.ReadFile(filepath.Join(root, "proc/sys/kernel/osrelease"))
	if err != nil {
		return ""
	}
	version := strings.TrimSpace(string(release))
	for _, path := range []string{"boot/vmlinuz-" + version, "usr/lib/modules/" + version + "/vmlinuz"} {
		path = filepath.Join(root, path)
		if f, err := os.Open(path); err == nil {
			_ = f.Close()
			return path
		}
	}
	return ""
}
