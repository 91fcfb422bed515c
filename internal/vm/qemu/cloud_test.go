// SPDX-License-Identifier: Apache-2.0

//go:build linux

package qemu_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
	"rancherdesktop.io/rdd/internal/vm/image/build"
	"rancherdesktop.io/rdd/internal/vm/image/fetch"
	"rancherdesktop.io/rdd/internal/vm/qemu"
	"rancherdesktop.io/rdd/internal/vm/qemu/machine"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// cloudHost is a fakeHost with a real cache of images, and a server that has one.
type cloudHost struct {
	*fakeHost
	cache  string
	server *httptest.Server
	disk   []byte
}

// newCloudHost serves a raw disk by serve; nil serves it well.
func newCloudHost(t *testing.T, serve http.HandlerFunc) *cloudHost {
	t.Helper()
	h := &cloudHost{fakeHost: newFakeHost(t), cache: t.TempDir(), disk: make([]byte, 2<<20)}
	copy(h.disk[510:], "\x55\xaa")
	if serve == nil {
		serve = func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(h.disk) }
	}
	h.server = httptest.NewServer(serve)
	t.Cleanup(h.server.Close)
	return h
}

func (h *cloudHost) images() *image.Store { return image.NewStore(h.cache, build.New(), fetch.New()) }

func (h *cloudHost) engine(t *testing.T) *qemu.Engine {
	t.Helper()
	executable, err := os.Executable()
	must(t, err)
	return qemu.New(qemu.Config{
		LimaHome: h.home, CacheDir: h.home, Images: h.images(), Executable: executable, Accelerator: "tcg",
		Version: "test", User: vmdir.User{Name: "tester", UID: 1234, Home: h.home}, Log: slog.New(slog.NewTextHandler(testWriter{t}, nil)),
	})
}

func (h *cloudHost) spec(digest string) vm.Spec {
	return spec(fmt.Sprintf("images: [{location: %q, digest: %q}]\ncpus: 1\nmemory: 1GiB\ndisk: 3GiB\n", h.server.URL+"/disk.img", digest))
}

func (h *cloudHost) digest() string {
	sum := sha256.Sum256(h.disk)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func TestCreateFromURL(t *testing.T) {
	h := newCloudHost(t, nil)
	e := h.engine(t)
	must(t, e.Apply(t.Context(), h.spec(h.digest())))
	await(t, e, "created", in(vm.PhaseStopped))
	record, err := h.dir().ReadRecord()
	must(t, err)
	m := record.Machine
	if m.Image.Built() || m.Image.Digest != h.digest() || m.Image.Format != image.FormatRaw || m.Image.Kernel != "" {
		t.Errorf("the record says %+v", m.Image)
	}
	firmware, err := machine.FindFirmware("")
	must(t, err)
	if _, err := os.Stat(h.dir().Firmware()); m.UEFI != (firmware != nil) || m.UEFI != (err == nil) {
		t.Errorf("UEFI: %t; the host has %v, the machine: %v", m.UEFI, firmware, err)
	}
	if size, err := image.DiskSize(h.dir().Disk(), image.FormatQCOW2); err != nil || size != 3<<30 {
		t.Errorf("the disk has %d bytes, %v", size, err)
	}

	// The machine keeps its image.
	if _, err := h.images().Remove(h.digest()); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("removing the image: %v", err)
	}
	// A mirror is the same image; another file is not.
	changed := h.spec(h.digest())
	changed.Template = []byte(strings.Replace(string(changed.Template), "/disk.img", "/mirror/disk.img", 1))
	must(t, e.Apply(t.Context(), changed))
	if err := e.Apply(t.Context(), h.spec("sha256:"+strings.Repeat("0", 64))); err == nil || vm.Retryable(err) {
		t.Errorf("another image: %v", err)
	}
	must(t, e.Delete(t.Context(), owner, "x"))
	await(t, e, "gone", deleted)
	if pruned, err := h.images().Prune(true); err != nil || len(pruned.Images) != 1 {
		t.Errorf("pruned %v, %v", pruned, err)
	}
}

func TestCreateFromWhatIsWrong(t *testing.T) {
	for name, tc := range map[string]struct {
		serve     http.HandlerFunc
		digest    string
		want      string
		retryable bool
	}{
		"digest": {nil, "sha256:" + strings.Repeat("0", 64), "its digest is sha256:", false},
		"404":    {http.NotFound, "", "404 Not Found", false},
		"page": {
			func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html><title>Sign in</title>") }, "", `a web page ("Sign in")`, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newCloudHost(t, tc.serve)
			e := h.engine(t)
			must(t, e.Apply(t.Context(), h.spec(tc.digest)))
			state := await(t, e, "failed", func(s vm.State, err error) bool { return err == nil && s.Failure != nil })
			if f := state.Failure; state.Phase != vm.PhaseIncomplete || f.Operation != vm.OperationCreate ||
				!strings.Contains(f.Fault.Text, tc.want) || vm.Retryable(f.Fault) != tc.retryable {
				t.Errorf("got %s, %v", state.Phase, state.Failure)
			}
			if entries, err := h.images().List(); err != nil || len(entries) > 0 {
				t.Errorf("cached: %v, %v", entries, err)
			}
			must(t, e.Delete(t.Context(), owner, "x"))
			await(t, e, "gone", deleted)
		})
	}
}

// Deleting ends a download that goes on; what has arrived is used by the next machine.
func TestDeleteWhileDownloading(t *testing.T) {
	var h *cloudHost
	ranges := make(chan string, 10)
	h = newCloudHost(t, func(w http.ResponseWriter, r *http.Request) {
		ranges <- r.Header.Get("Range")
		w.Header().Set("ETag", `"x"`)
		if r.Header.Get("Range") != "" {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", 1<<20, len(h.disk)-1, len(h.disk)))
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(h.disk[1<<20:])
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(h.disk)))
		_, _ = w.Write(h.disk[:1<<20])
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	e := h.engine(t)
	must(t, e.Apply(t.Context(), h.spec("")))
	h.awaitPartial(t, 1<<20)
	if state, err := e.Observe(t.Context(), "x"); err != nil || state.Progress.Step != "downloading image" {
		t.Errorf("the progress is %+v, %v", state.Progress, err)
	}
	must(t, e.Delete(t.Context(), owner, "x"))
	await(t, e, "gone", deleted)
	must(t, e.Apply(t.Context(), h.spec("")))
	await(t, e, "created", in(vm.PhaseStopped))
	if first, second := <-ranges, <-ranges; first != "" || second != "bytes=1048576-" {
		t.Errorf("Range: %q, %q", first, second)
	}
}

// awaitPartial waits until so many bytes of an image are there.
func (h *cloudHost) awaitPartial(t *testing.T, size int64) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(waitTimeout); time.Now().Before(deadline); <-ticker.C {
		found, err := filepath.Glob(filepath.Join(h.cache, ".partial-fetch-*", "image"))
		must(t, err)
		if len(found) == 0 {
			continue
		}
		if info, err := os.Stat(found[0]); err == nil && info.Size() == size {
			return
		}
	}
	t.Fatal("the download does not come so far")
}
