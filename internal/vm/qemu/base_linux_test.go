// SPDX-License-Identifier: Apache-2.0

package qemu_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
	"rancherdesktop.io/rdd/internal/vm/qemu"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// tool runs a program of QEMU's.
func tool(t *testing.T, name string, args ...string) {
	t.Helper()
	path, err := process.LookPath(name)
	must(t, err)
	if out, err := exec.Command(path, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v: %s", name, args, err, out)
	}
}

// oldHost has a stopped instance x as an older rdd has made it, with data of its own and of its
// image. The disk refers to the cache.
type oldHost struct {
	*fakeHost
	// flat is what a guest sees on the disk.
	flat string
}

func newOldHost(t *testing.T) *oldHost {
	t.Helper()
	h := &oldHost{fakeHost: newFakeHost(t)}
	tool(t, "qemu-io", "-f", "qcow2", "-c", "write -P 1 0 1M", h.images.img.Disk)
	e := h.fakeHost.engine(t)
	must(t, e.Apply(t.Context(), spec(guestTemplate)))
	await(t, e, "created", in(vm.PhaseStopped))
	tool(t, "qemu-io", "-f", "qcow2", "-c", "write -P 2 512k 1M", h.dir().Disk())
	h.flat = filepath.Join(filepath.Dir(h.home), "flat")
	tool(t, "qemu-img", "convert", "-f", "qcow2", "-O", "raw", h.dir().Disk(), h.flat)
	h.makeOld(t)
	return h
}

// makeOld takes from the instance what an older rdd would not have made.
func (h *oldHost) makeOld(t *testing.T) {
	t.Helper()
	record, err := h.dir().ReadRecord()
	must(t, err)
	img := &record.Machine.Image
	if img.Base == nil || len(img.Base) != 3 {
		t.Fatalf("the machine was made without files of its own: %+v", img)
	}
	cached := h.images.img
	img.Base, img.Disk, img.Kernel, img.Initrd = nil, cached.Disk, cached.Kernel, cached.Initrd
	must(t, h.dir().WriteRecord(record))
	tool(t, "qemu-img", "rebase", "-u", "-f", "qcow2", "-b", cached.Disk, "-F", "qcow2", h.dir().Disk())
	for _, path := range []string{h.dir().BaseDisk(), h.dir().Kernel(), h.dir().Initrd()} {
		must(t, os.Remove(path))
	}
}

// loseCache moves the cache of images away.
func (h *fakeHost) loseCache(t *testing.T) {
	t.Helper()
	cache := filepath.Dir(filepath.Dir(h.images.img.Disk))
	must(t, os.Rename(cache, cache+".away"))
}

// checkOwn makes sure that the machine depends on its directory only, and that its data is there.
func (h *oldHost) checkOwn(t *testing.T) {
	t.Helper()
	record, err := h.dir().ReadRecord()
	must(t, err)
	img := record.Machine.Image
	if err := img.Check(); err != nil || len(img.Base) != 3 || img.Disk != h.dir().BaseDisk() || img.Kernel != h.dir().Kernel() {
		t.Errorf("the record says %+v, %v", img, err)
	}
	if name, err := image.BackingFile(h.dir().Disk()); err != nil || name != "basedisk" {
		t.Errorf("the disk refers to %q, %v", name, err)
	}
	tool(t, "qemu-img", "check", "-q", "-f", "qcow2", h.dir().Disk())
	tool(t, "qemu-img", "compare", "-q", "-f", "qcow2", "-F", "raw", h.dir().Disk(), h.flat)
}

// started starts x, which may be busy first, and stops it.
func started(t *testing.T, e *qemu.Engine) {
	t.Helper()
	awaitStart(t, e)
	await(t, e, "running", in(vm.PhaseRunning))
	must(t, e.Stop(t.Context(), owner, "x", vm.StopForce))
	await(t, e, "stopped", in(vm.PhaseStopped))
}

func TestOlderMachineIsMovedOverWhenItStarts(t *testing.T) {
	h := newOldHost(t)
	e := h.engine(t)
	started(t, e)
	h.checkOwn(t)
	h.loseCache(t)
	started(t, e)
	h.checkOwn(t)
}

// A daemon that has just been upgraded does it by itself.
func TestOlderMachineIsMovedOverWhileItIsStopped(t *testing.T) {
	h := newOldHost(t)
	e := h.engine(t)
	adopting(t, e)
	await(t, e, "moved over", h.movedOver)
	h.checkOwn(t)
}

func (h *oldHost) movedOver(vm.State, error) bool {
	record, err := h.dir().ReadRecord()
	return err == nil && record.Machine.Image.Base != nil
}

// A machine that runs is left alone, and moved over once it has stopped.
func TestOlderMachineIsLeftAloneWhileItRuns(t *testing.T) {
	h := newOldHost(t)
	e := h.engine(t)
	started(t, e)
	must(t, e.Start(t.Context(), owner, "x"))
	await(t, e, "running", in(vm.PhaseRunning))
	h.makeOld(t)
	before, err := os.ReadFile(h.dir().Disk())
	must(t, err)
	if begun, err := e.Adopt(t.Context(), "x"); begun || err != nil {
		t.Errorf("adopting it: %t, %v", begun, err)
	}
	must(t, e.Start(t.Context(), owner, "x"))
	after, err := os.ReadFile(h.dir().Disk())
	must(t, err)
	if _, err := os.Lstat(h.dir().BaseDisk()); !bytes.Equal(before, after) || !errors.Is(err, os.ErrNotExist) || h.movedOver(vm.State{}, nil) {
		t.Errorf("it was touched: %v", err)
	}
	adopting(t, e)
	must(t, e.Stop(t.Context(), owner, "x", vm.StopShutdown))
	await(t, e, "moved over", h.movedOver)
	await(t, e, "stopped", in(vm.PhaseStopped))
	h.checkOwn(t)
}

// TestMoveIsInterrupted leaves the directory as a crash, or a power cut, does at each point. The
// next start completes what was begun; where the files are there already, without the cache.
func TestMoveIsInterrupted(t *testing.T) {
	link := func(t *testing.T, h *oldHost, from, to string) { must(t, os.Link(from, to)) }
	all := func(t *testing.T, h *oldHost) {
		link(t, h, h.images.img.Disk, h.dir().BaseDisk())
		link(t, h, h.images.img.Kernel, h.dir().Kernel())
		link(t, h, h.images.img.Initrd, h.dir().Initrd())
	}
	rebase := func(t *testing.T, h *oldHost) {
		tool(t, "qemu-img", "rebase", "-u", "-f", "qcow2", "-b", "basedisk", "-F", "qcow2", h.dir().Disk())
	}
	// torn has only the sectors of the header written that written chooses.
	torn := func(written func(sector int) bool) func(t *testing.T, h *oldHost) {
		return func(t *testing.T, h *oldHost) {
			all(t, h)
			before, err := os.ReadFile(h.dir().Disk())
			must(t, err)
			rebase(t, h)
			after, err := os.ReadFile(h.dir().Disk())
			must(t, err)
			const size = 512
			for sector := range 128 {
				if !written(sector) {
					copy(after[sector*size:(sector+1)*size], before[sector*size:])
				}
			}
			must(t, os.WriteFile(h.dir().Disk(), after, 0o600))
		}
	}
	for name, tc := range map[string]struct {
		at           func(t *testing.T, h *oldHost)
		withoutCache bool
	}{
		"nothing done": {func(*testing.T, *oldHost) {}, false},
		"one file":     {func(t *testing.T, h *oldHost) { link(t, h, h.images.img.Disk, h.dir().BaseDisk()) }, false},
		"half a copy": {func(t *testing.T, h *oldHost) {
			must(t, os.WriteFile(h.dir().BaseDisk()+".new", []byte("half"), 0o600))
		}, false},
		"files":            {all, true},
		"disk":             {func(t *testing.T, h *oldHost) { all(t, h); rebase(t, h) }, true},
		"only its size":    {torn(func(sector int) bool { return sector == 0 }), true},
		"only its name":    {torn(func(sector int) bool { return sector > 0 }), true},
		"record, not disk": {recordFirst(all), true},
	} {
		for _, cached := range []bool{true, false} {
			if !cached && !tc.withoutCache {
				continue
			}
			t.Run(name, func(t *testing.T) {
				h := newOldHost(t)
				tc.at(t, h)
				if !cached {
					h.loseCache(t)
				}
				started(t, h.engine(t))
				h.checkOwn(t)
			})
		}
	}
}

// recordFirst is the record written before the disk: writes that were not synced may be reordered.
func recordFirst(all func(t *testing.T, h *oldHost)) func(t *testing.T, h *oldHost) {
	return func(t *testing.T, h *oldHost) {
		all(t, h)
		record, err := h.dir().ReadRecord()
		must(t, err)
		must(t, record.Machine.Image.Measure(h.dir()))
		must(t, h.dir().WriteRecord(record))
	}
}

// An older rdd that was installed again leaves out what it does not know when it writes the record.
func TestOlderRDDWritesTheRecordAgain(t *testing.T) {
	for _, cached := range []bool{true, false} {
		h := newOldHost(t)
		e := h.engine(t)
		started(t, e)
		record, err := h.dir().ReadRecord()
		must(t, err)
		record.Machine.Image.Base = nil
		must(t, h.dir().WriteRecord(record))
		if !cached {
			h.loseCache(t)
		}
		started(t, e)
		h.checkOwn(t)
	}
}

// The directories of instances may be moved to another place.
func TestDirectoryIsMoved(t *testing.T) {
	h := newOldHost(t)
	started(t, h.engine(t))
	h.loseCache(t)
	moved := h.home + ".moved"
	must(t, os.Rename(h.home, moved))
	h.home = moved
	h.checkOwn(t)
	started(t, h.engine(t))
}

// A cache on another file system is copied, while the machine waits; where there is no room, the
// machine goes on with the cache.
func TestOlderMachineOnAnotherFileSystem(t *testing.T) {
	shm, err := os.MkdirTemp("/dev/shm", "rdd-test-")
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(shm) })
	h := newOldHost(t)
	cached := &h.images.img
	dir := filepath.Join(shm, "images", "docker-0")
	must(t, os.MkdirAll(dir, 0o700))
	for _, path := range []*string{&cached.Disk, &cached.Kernel, &cached.Initrd} {
		data, err := os.ReadFile(*path)
		must(t, err)
		*path = filepath.Join(dir, filepath.Base(*path))
		must(t, os.WriteFile(*path, data, 0o400))
	}
	record, err := h.dir().ReadRecord()
	must(t, err)
	record.Machine.Image.Disk, record.Machine.Image.Kernel, record.Machine.Image.Initrd = cached.Disk, cached.Kernel, cached.Initrd
	must(t, h.dir().WriteRecord(record))
	tool(t, "qemu-img", "rebase", "-u", "-f", "qcow2", "-b", cached.Disk, "-F", "qcow2", h.dir().Disk())

	full := h.engineOf(t, noRoom{h.images})
	if err := full.Start(t.Context(), owner, "x"); !errors.Is(err, vm.ErrBusy) {
		t.Errorf("the first attempt: %v", err)
	}
	started(t, full)
	if h.movedOver(vm.State{}, nil) {
		t.Error("it was moved over without room")
	}
	e := h.engine(t)
	if err := e.Start(t.Context(), owner, "x"); !errors.Is(err, vm.ErrBusy) {
		t.Errorf("the first attempt: %v", err)
	}
	started(t, e)
	must(t, os.RemoveAll(shm))
	h.checkOwn(t)
	started(t, e)
}

// noRoom are images of which no copy can be made.
type noRoom struct{ *fakeImages }

func (n noRoom) Place(ctx context.Context, dir string, files []image.Placement, linksOnly bool) (bool, error) {
	if linksOnly {
		return n.fakeImages.Place(ctx, dir, files, linksOnly)
	}
	return false, &vm.HostError{Missing: "disk space", Hint: "free some space there"}
}

// engineOf returns an engine with other images.
func (h *fakeHost) engineOf(t *testing.T, images qemu.Images) *qemu.Engine {
	t.Helper()
	executable, err := os.Executable()
	must(t, err)
	return qemu.New(qemu.Config{
		LimaHome: h.home, CacheDir: h.home, Images: images, Executable: executable, Accelerator: "tcg",
		Version: "test", User: vmdir.User{Name: "tester", UID: 1234, Home: h.home}, Log: slog.New(slog.NewTextHandler(testWriter{t}, nil)),
	})
}
