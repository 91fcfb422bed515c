// SPDX-License-Identifier: Apache-2.0

//go:build linux

package qemu_test

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
	"rancherdesktop.io/rdd/internal/vm/qemu"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
	"rancherdesktop.io/rdd/internal/vm/vmtest"
)

// fakeHost is a host on which qemu-system-x86_64 is this test's program, with an image cache of its
// own.
type fakeHost struct {
	home   string
	images *fakeImages
	// accelerator is the engine's; empty: it chooses.
	accelerator string
}

func newFakeHost(t *testing.T) *fakeHost {
	t.Helper()
	qemuImg, err := process.LookPath("qemu-img")
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	dir := shortDir(t)
	bin := filepath.Join(dir, "bin")
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{fakeQEMUName: executable, "qemu-img": qemuImg} {
		if err := os.Symlink(target, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin+":/usr/bin:/bin")
	img := image.Image{
		Name: "docker", Digest: "sha256:0", Format: image.FormatQCOW2, KernelArgs: "quiet",
		Disk: filepath.Join(dir, "images", "docker-0", "disk.qcow2"),
	}
	if err := os.MkdirAll(filepath.Dir(img.Disk), 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(qemuImg, "create", "-q", "-f", "qcow2", img.Disk, "64M").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	img.Kernel, img.Initrd = filepath.Join(filepath.Dir(img.Disk), "vmlinuz"), filepath.Join(filepath.Dir(img.Disk), "initrd")
	for _, path := range []string{img.Kernel, img.Initrd} {
		if err := os.WriteFile(path, []byte(filepath.Base(path)), 0o400); err != nil {
			t.Fatal(err)
		}
	}
	h := &fakeHost{home: filepath.Join(dir, "lima"), images: &fakeImages{img: img}, accelerator: "tcg"}
	t.Cleanup(func() { h.killAll(t) })
	return h
}

// killAll ends what a failed test left running, so that nothing outlives it.
func (h *fakeHost) killAll(t *testing.T) {
	names, err := vmdir.Home(h.home).Instances()
	if err != nil {
		t.Error(err)
	}
	for _, name := range names {
		dir := vmdir.In(h.home, name)
		// It writes into the directory, which is removed next.
		if id, err := dir.FindHostagent(); err == nil {
			_ = id.Signal(syscall.SIGKILL)
			_ = id.Wait(context.Background())
		}
		run, _ := dir.ReadRun()
		record, _ := dir.ReadRecord()
		if id, err := dir.FindQEMU(record, run); err == nil {
			_ = id.Signal(syscall.SIGKILL)
			_ = id.Wait(context.Background())
		}
	}
}

func (h *fakeHost) engine(t *testing.T) *qemu.Engine {
	t.Helper()
	return h.engineWithLog(t, slog.New(slog.NewTextHandler(testWriter{t}, nil)))
}

func (h *fakeHost) engineWithLog(t *testing.T, log *slog.Logger) *qemu.Engine {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return qemu.New(qemu.Config{
		LimaHome: h.home, CacheDir: h.home, Images: h.images, Executable: executable, Accelerator: h.accelerator,
		Version: "test", User: vmdir.User{Name: "tester", UID: 1234, Home: h.home},
		Proxies: map[string]string{"http_proxy": "http://localhost:3128"}, Log: log,
	})
}

// fakeImages has one image. Obtain calls the function of onEnsure first.
type fakeImages struct {
	img    image.Image
	ensure atomic.Pointer[func(context.Context) error]
}

func (f *fakeImages) onEnsure(do func(context.Context) error) { f.ensure.Store(&do) }

func (f *fakeImages) Names() []string { return []string{"docker"} }

func (f *fakeImages) Kernel() (kernel, initrd string, err error) { return "", "", nil }

func (f *fakeImages) Obtain(ctx context.Context, _ []image.Source, progress func(image.Progress)) (image.Image, error) {
	progress(vm.Progress{Step: "building image docker", Index: 1, Total: 1, Percent: 42})
	if ensure := f.ensure.Load(); ensure != nil {
		return f.img, (*ensure)(ctx)
	}
	return f.img, nil
}

func (f *fakeImages) GetDigest(digest string) (image.Image, error) {
	if digest != f.img.Digest {
		return image.Image{}, image.ErrNotFound
	}
	return f.img, nil
}

func (f *fakeImages) Place(ctx context.Context, instanceDir string, files []image.Placement, linksOnly bool) (bool, error) {
	return f.store().Place(ctx, instanceDir, files, linksOnly)
}

func (f *fakeImages) store() *image.Store {
	return image.NewStore(filepath.Dir(filepath.Dir(f.img.Disk)), nil, nil)
}

func (f *fakeImages) Forget(string) error { return nil }

func (f *fakeImages) Move(from, to string) error { return f.store().Move(from, to) }

func TestConformanceOnFakeQEMU(t *testing.T) {
	vmtest.Run(t, func(t *testing.T) vmtest.Subject {
		h := newFakeHost(t)
		return vmtest.Subject{
			Engine:        h.engine(t),
			Reopen:        func(t *testing.T) vm.Engine { return h.engine(t) },
			KillGuest:     func(t *testing.T, name string) { killQEMU(t, vmdir.In(h.home, name)) },
			KillHostagent: func(t *testing.T, name string) { killHostagent(t, vmdir.In(h.home, name)) },
			AddForeign:    func(t *testing.T, name string) { addForeign(t, filepath.Join(h.home, name)) },
			Template:      []byte(guestTemplate),
			Changed:       []byte(guestTemplate + "message: changed\n"),
			Message:       "changed",
			Forward:       func(_ *testing.T, name string) vm.Forward { return dockerForward(vmdir.In(h.home, name)) },
			Invalid:       []byte(strings.Replace(guestTemplate, "rdd:docker", "rdd:nothing", 1)),
			InvalidField:  "images[0].location",
			Provoke:       h.provoke,
			Pause:         h.pauseFake,
			LoseFile:      h.loseDisk,
			Timeout:       time.Minute,
		}
	})
}
