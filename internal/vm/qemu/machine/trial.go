// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rancherdesktop.io/rdd/internal/bounded"
	"rancherdesktop.io/rdd/internal/process"
)

// trial is a boot by which an accelerator is tried.
type trial struct {
	args []string
	// marker begins the line that the guest prints when the accelerator works.
	marker string
	// weak says that no Linux is booted.
	weak bool
}

const (
	// liveMarker is printed by the first program in the initrd.
	liveMarker = "rdd-guest-lives"
	// rootMarker is what a kernel without a root disk prints last, when everything else has worked.
	rootMarker = "Kernel panic - not syncing: VFS:"
	// firmwareMarker is what SeaBIOS prints last when there is nothing to boot.
	firmwareMarker = "No bootable device."
)

// trial finds what to boot: the image's kernel, which may have been removed meanwhile, else the
// host's own below root, else QEMU's firmware.
func (c Chooser) trial(root string) trial {
	console := "console=" + architectures[archOf(c.Program.Arch)].console
	if isFile(c.Kernel) && isFile(c.Initrd) {
		return trial{marker: liveMarker, args: onSerial(
			"-kernel", c.Kernel, "-initrd", c.Initrd, "-append", console+" quiet panic=-1 rdinit=/bin/busybox -- echo "+liveMarker,
		)}
	}
	if kernel := hostKernel(root); kernel != "" {
		return trial{marker: rootMarker, args: onSerial("-kernel", kernel, "-append", console+" quiet panic=-1 printk.time=0")}
	}
	// SeaBIOS prints to this port, and nothing to the serial console.
	return trial{marker: firmwareMarker, weak: true, args: []string{"-device", "isa-debugcon,iobase=0x402,chardev=" + consoleID}}
}

// consoleID is the character device of what a trial prints.
const consoleID = "console0"

func onSerial(args ...string) []string {
	return append([]string{"-serial", "chardev:" + consoleID}, args...)
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

// probeTimeout is plenty: with a working KVM it takes a second.
const probeTimeout = 8 * time.Second

// probeResult is the result of a trial. A machine that prints nothing has hung; one that QEMU
// refused to run has not.
type probeResult struct {
	works, hung bool
	reason      string
}

// tryBoot boots a kernel until the marker is printed.
func (c Chooser) tryBoot(ctx context.Context, t trial, a Accelerator) (probeResult, error) {
	limit := cmp.Or(c.timeout, probeTimeout)
	deadline, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	console := &watcher{marker: []byte(t.marker), found: cancel}
	stderr := &bounded.Buffer{Limit: 4 << 10} // the kernel may be anybody's
	err := process.Run(deadline, process.Command{Path: c.Program.System, Stdout: console, Stderr: stderr, Args: append([]string{
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-machine", architectures[archOf(c.Program.Arch)].machine, "-accel", a.qemu(), "-cpu", a.CPU, "-m", "256M",
		"-chardev", "stdio,signal=off,id=" + consoleID,
	}, t.args...)})
	switch {
	case ctx.Err() != nil:
		return probeResult{}, ctx.Err()
	case console.seen:
		return probeResult{works: true, reason: "a guest boots"}, nil
	case errors.Is(deadline.Err(), context.DeadlineExceeded):
		return probeResult{hung: true, reason: fmt.Sprintf("a guest hangs: no sign of life in %s", limit)}, nil
	default:
		return probeResult{reason: fmt.Sprintf("QEMU ended (%v): %.300s", err, bytes.TrimSpace(stderr.Bytes()))}, nil
	}
}

// watcher is a writer that calls found when a line begins with the marker.
type watcher struct {
	marker []byte
	found  func()
	seen   bool
	line   []byte
}

// Write implements io.Writer. The marker counts at the beginning of a line only: a kernel may print
// its command line.
func (w *watcher) Write(p []byte) (int, error) {
	for _, b := range p {
		if b == '\n' || b == '\r' {
			w.line = w.line[:0]
			continue
		}
		if len(w.line) <= len(w.marker) {
			w.line = append(w.line, b)
		}
		if !w.seen && bytes.Equal(w.line, w.marker) {
			w.seen = true
			w.found()
		}
	}
	return len(p), nil
}
