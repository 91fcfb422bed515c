// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
)

// A FIFO that nobody writes to would be waited for until the daemon ends, by the disk as by the
// files that are booted with it. The next image is tried, as for a file that is not there.
func TestFIFOsAreRefused(t *testing.T) {
	dir := t.TempDir()
	fifo, link := filepath.Join(dir, "fifo"), filepath.Join(dir, "link")
	if err := errors.Join(syscall.Mkfifo(fifo, 0o600), os.Symlink(fifo, link)); err != nil {
		t.Fatal(err)
	}
	disk := fileSource(t, rawDisk(1, 1<<20))
	for name, source := range map[string]image.Source{
		"disk":          {Disk: image.File{Location: fifo}},
		"symbolic link": {Disk: image.File{Location: link}},
		"kernel":        {Disk: disk.Disk, Kernel: &image.File{Location: fifo}},
		"initrd":        {Disk: disk.Disk, Kernel: &disk.Disk, Initrd: &image.File{Location: link}},
	} {
		t.Run(name, func(t *testing.T) {
			s := fetchStore(t)
			_, err := s.Obtain(t.Context(), []image.Source{source}, nil)
			if !errors.As(err, new(*image.UnavailableError)) || vm.FaultOf(err).Kind != vm.FaultImageMissing ||
				!strings.Contains(err.Error(), "it is not a regular file but a FIFO") {
				t.Errorf("got %v", err)
			}
			checkNoPartial(t, s)
			checkDisk(t, mustObtain(t, s, source, disk), rawDisk(1, 1<<20))
		})
	}
}
