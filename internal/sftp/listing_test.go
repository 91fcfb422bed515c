// SPDX-License-Identifier: Apache-2.0

//go:build linux

package sftp_test

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	client "github.com/pkg/sftp"
	"golang.org/x/sys/unix"

	"rancherdesktop.io/rdd/internal/sftp"
)

// connectAsNobody is connect with a server that has no more rights than any user.
func connectAsNobody(t *testing.T, dir string) *client.Client {
	t.Helper()
	requests, in := io.Pipe()
	out, answers := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // which ends with this goroutine
		if os.Geteuid() == 0 {
			_ = unix.Setfsuid(65534)
		}
		err := sftp.Serve(dir, sftp.Config{}, requests, answers)
		_, _ = requests.Close(), answers.Close()
		ended <- err
	}()
	c, err := client.NewClientPipe(out, in)
	must(t, err)
	t.Cleanup(func() {
		_ = c.Close()
		if err := <-ended; err != nil {
			t.Errorf("the session ended with %v", err)
		}
	})
	return c
}

func names(entries []fs.FileInfo) []string {
	var all []string
	for _, entry := range entries {
		all = append(all, entry.Name())
	}
	slices.Sort(all)
	return all
}

// TestListingWithoutAttributes: entries whose attributes cannot be read are listed nevertheless.
// Here the directory does not let anybody; it may also be one entry, such as a broken mount point.
func TestListingWithoutAttributes(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o711))
	must(t, os.Chmod(dir, 0o755))
	closed := filepath.Join(dir, "closed")
	must(t, os.Mkdir(closed, 0o755))
	must(t, os.WriteFile(filepath.Join(closed, "a"), nil, 0o600))
	must(t, os.Mkdir(filepath.Join(closed, "b"), 0o700))
	must(t, os.Chmod(closed, 0o444))
	t.Cleanup(func() { _ = os.Chmod(closed, 0o755) })
	entries, err := connectAsNobody(t, dir).ReadDir("/closed")
	if got := names(entries); err != nil || !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestListingOfARenamedDirectory: what is listed is the directory that was opened.
func TestListingOfARenamedDirectory(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "a"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "a", "file"), []byte("text"), 0o600))
	in, out, _ := serve(t, dir, sftp.Config{})
	r := raw{t, in, out}
	r.expect(11, 102, text("/a"))
	must(t, os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "b")))
	kind, rest := r.ask(packet(12, handle(0)))
	if kind != 104 || len(rest) < 4 || rest[3] != 3 {
		t.Errorf("got %d, %q", kind, rest)
	}
	must(t, in.Close())
}
