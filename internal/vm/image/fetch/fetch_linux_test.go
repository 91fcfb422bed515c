// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
)

// Of the child process that TestChildDownloads is in.
const (
	childStore = "RDD_TEST_CHILD_STORE"
	childURL   = "RDD_TEST_CHILD_URL"
	childLimit = "RDD_TEST_CHILD_LIMIT"
)

// TestChildDownloads is run by other tests as a process of its own.
func TestChildDownloads(t *testing.T) {
	if os.Getenv(childStore) == "" {
		t.Skip("run by other tests")
	}
	if os.Getenv(childLimit) != "" {
		limit := syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
	}
	s := image.NewStore(os.Getenv(childStore), noRecipes{}, New())
	_, err := s.Obtain(context.Background(), []image.Source{{Disk: image.File{Location: os.Getenv(childURL)}}}, nil)
	var host *vm.HostError
	if !errors.As(err, &host) {
		t.Fatalf("got %v, want a HostError", err)
	}
	fmt.Println(err)
}

func child(t *testing.T, s *store, from *server, more ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestChildDownloads$")
	cmd.Env = append(append(os.Environ(), childStore+"="+s.dir, childURL+"="+from.location()), more...)
	cmd.Stderr = os.Stderr
	return cmd
}

// A process that is killed leaves what it has downloaded to the next, and its lock to nobody.
func TestKilledDownloadGoesOn(t *testing.T) {
	data := rawDisk(1, 4<<20)
	s, from := fetchStore(t), serve(t, data)
	from.answer(func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n > 1 {
			return false
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		_, _ = w.Write(data[:2<<20])
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		return true
	})
	cmd := child(t, s, from)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	awaitPartial(t, s, 2<<20)
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	checkNothingCached(t, s)
	checkDisk(t, mustObtain(t, s, from.source("")), data)
	if ranges := from.asked("Range"); len(ranges) != 2 || ranges[1] != "bytes=2097152-" {
		t.Errorf("Range: %q", ranges)
	}
	checkNoPartial(t, s)
}

// awaitPartial waits until size bytes of a download are on disk.
func awaitPartial(t *testing.T, s *store, size int64) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		found, err := filepath.Glob(filepath.Join(s.dir, ".partial-fetch-*", image.PartDisk))
		if err != nil {
			t.Fatal(err)
		}
		if len(found) > 0 {
			if info, err := os.Stat(found[0]); err == nil && info.Size() >= size {
				return
			}
		}
		select {
		case <-t.Context().Done():
			t.Fatal("the download did not come so far")
		case <-ticker.C:
		}
	}
}

// The kernel itself refuses to write on, as it does when a disk is full.
func TestKernelRefusesToWrite(t *testing.T) {
	data := rawDisk(1, 4<<20)
	s, from := fetchStore(t), serve(t, data)
	out, err := child(t, s, from, childLimit+"=1").Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Logf("%s", out)
	checkNothingCached(t, s)
	checkDisk(t, mustObtain(t, s, from.source("")), data)
	if ranges := from.asked("Range"); len(ranges) != 2 || ranges[1] != "bytes=1048576-" {
		t.Errorf("Range: %q", ranges)
	}
}
