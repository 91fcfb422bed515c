// SPDX-License-Identifier: Apache-2.0

package qemu_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// missing are ways in which a file may be missing.
func missing() map[string]func(t *testing.T, path string) {
	return map[string]func(t *testing.T, path string){
		"removed": func(t *testing.T, path string) { must(t, os.Remove(path)) },
		"truncated": func(t *testing.T, path string) {
			must(t, errors.Join(os.Remove(path), os.WriteFile(path, []byte("x"), 0o600)))
		},
		"a FIFO":    func(t *testing.T, path string) { must(t, errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600))) },
		"directory": func(t *testing.T, path string) { must(t, errors.Join(os.Remove(path), os.Mkdir(path, 0o700))) },
	}
}

// A file of the image that is missing is named, with what to do. The cache helps by itself.
func TestFileOfTheImageIsMissing(t *testing.T) {
	for name, spoil := range missing() {
		for _, file := range []func(vmdir.Dir) string{vmdir.Dir.BaseDisk, vmdir.Dir.Kernel, vmdir.Dir.Initrd} {
			t.Run(filepath.Base(file("/x"))+" "+name, func(t *testing.T) {
				h := newOldHost(t)
				e := h.engine(t)
				started(t, e)
				path := file(h.dir())
				spoil(t, path)
				state, err := e.Observe(t.Context(), "x")
				must(t, err)
				checkMissing(t, state, vm.PhaseStopped, path)
				adopting(t, e)
				await(t, e, "mended", func(s vm.State, err error) bool { return err == nil && s.Phase == vm.PhaseStopped && s.Failure == nil })
				must(t, os.RemoveAll(path+".damaged"))
				h.checkOwn(t)
				started(t, e)
			})
		}
	}
}

// checkMissing makes sure that the state says what is missing, and harms nobody.
func checkMissing(t *testing.T, state vm.State, phase vm.Phase, path string) {
	t.Helper()
	f := state.Failure
	if state.Phase != phase || f == nil || f.Operation != vm.OperationStart || f.Fault.Kind != vm.FaultBroken || f.Fault.Hint == "" ||
		!strings.Contains(f.Fault.Text, path) || strings.Contains(f.Fault.Text, "delete") || strings.Contains(f.Fault.Text, "remove") {
		t.Errorf("got %+v, %v", state, f)
	}
}

// Without the cache a start is refused, and works when the file is back. A machine that runs goes
// on.
func TestFileOfTheImageComesBack(t *testing.T) {
	for _, file := range []func(vmdir.Dir) string{vmdir.Dir.BaseDisk, vmdir.Dir.Kernel, vmdir.Dir.Disk} {
		t.Run(filepath.Base(file("/x")), func(t *testing.T) {
			h := newOldHost(t)
			e := h.engine(t)
			started(t, e)
			h.loseCache(t)
			h.images.onEnsure(func(context.Context) error { return errors.New("no network") })
			must(t, e.Start(t.Context(), owner, "x"))
			before := await(t, e, "running", in(vm.PhaseRunning))
			path := file(h.dir())
			must(t, os.Rename(path, h.flat+".away"))
			state, err := e.Observe(t.Context(), "x")
			must(t, err)
			checkMissing(t, state, vm.PhaseRunning, path)
			if state.BootID != before.BootID {
				t.Errorf("another machine runs: %+v", state)
			}
			must(t, e.Stop(t.Context(), owner, "x", vm.StopForce))
			stopped := vm.PhaseStopped
			if path == h.dir().Disk() {
				stopped = vm.PhaseBroken // there is no other disk
			}
			checkMissing(t, await(t, e, "stopped", in(stopped)), stopped, path)
			await(t, e, "refused", func(vm.State, error) bool {
				err = e.Start(t.Context(), owner, "x")
				return !errors.Is(err, vm.ErrBusy)
			})
			if err == nil || vm.Retryable(err) || !strings.Contains(err.Error(), path) {
				t.Errorf("starting it: %v", err)
			}
			must(t, os.Rename(h.flat+".away", path))
			await(t, e, "whole again", func(s vm.State, err error) bool { return err == nil && s.Failure == nil })
			started(t, e)
			h.checkOwn(t)
		})
	}
}

// Whatever is in the place of the image's files, and whatever is at the location of the image, a
// deletion ends.
func TestDeleteWithoutBase(t *testing.T) {
	for name, spoil := range missing() {
		t.Run(name, func(t *testing.T) {
			h := newOldHost(t)
			e := h.engine(t)
			started(t, e)
			for _, path := range []string{h.dir().BaseDisk(), h.dir().Kernel(), h.dir().Disk()} {
				spoil(t, path)
			}
			must(t, e.Delete(t.Context(), owner, "x"))
			await(t, e, "gone", deleted)
		})
	}
}

func TestImageLocationIsAFIFO(t *testing.T) {
	h := newCloudHost(t, nil)
	fifo := filepath.Join(h.cache, "fifo")
	must(t, syscall.Mkfifo(fifo, 0o600))
	e := h.engine(t)
	must(t, e.Apply(t.Context(), spec("images: [{location: "+fifo+"}]\ncpus: 1\nmemory: 1GiB\ndisk: 3GiB\n")))
	state := await(t, e, "failed", func(s vm.State, err error) bool { return err == nil && s.Failure != nil })
	if f := state.Failure.Fault; f.Kind != vm.FaultImageMissing || !strings.Contains(f.Text, fifo) || !strings.Contains(f.Text, "a FIFO") {
		t.Errorf("got %+v", f)
	}
	must(t, e.Delete(t.Context(), owner, "x"))
	await(t, e, "gone", deleted)
}

// loseDisk moves the disk of an instance away, of which there is no other.
func (h *fakeHost) loseDisk(t *testing.T, name string) (restore func()) {
	t.Helper()
	disk := vmdir.In(h.home, name).Disk()
	must(t, os.Rename(disk, h.home+".disk"))
	return func() { must(t, os.Rename(h.home+".disk", disk)) }
}
