// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"os"
	"path/filepath"
	"strings"
)

// trial is a boot that shows whether an accelerator works.
type trial struct {
	args []string
	// marker begins the line that the guest prints when it lives.
	marker string
}

const (
	// liveMarker is printed by the first program in the initrd.
	liveMarker = "rdd-guest-lives"
	// rootMarker is what a kernel without a root disk ends with, when all else has gone well.
	rootMarker = "Kernel panic - not syncing: VFS:"
)

// trial finds a kernel to boot: the image's, else the host's own below root. An image's may have
// been removed meanwhile.
func (c Chooser) trial(root string) (trial, bool) {
	if isFile(c.Kernel) && isFile(c.Initrd) {
		return trial{marker: liveMarker, args: []string{
			"-kernel", c.Kernel, "-initrd", c.Initrd, "-append", "console=ttyS0 quiet panic=-1 rdinit=/bin/busybox -- echo " + liveMarker,
		}}, true
	}
	kernel := hostKernel(root)
	return trial{marker: rootMarker, args: []string{"-kernel", kernel, "-append", "console=ttyS0 quiet panic=-1 printk.time=0"}}, kernel != ""
}

// hostKernel finds the kernel that runs here, if it may be read: some distributions keep it to
// root.
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
