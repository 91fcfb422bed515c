// SPDX-License-Identifier: Apache-2.0

package build

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm/image"
)

// The tests below kill a builder. It is this test binary, started with builderVariable set to what
// it does.
const (
	builderVariable = "RDD_TEST_BUILDER"
	builderDir      = "RDD_TEST_BUILDER_DIR"
	// buildVariable makes the tests that build a real image run: they need a Debian mirror, and
	// minutes.
	buildVariable = "RDD_TEST_IMAGE_BUILD"
	killDeadline  = 5 * time.Minute
)

func TestMain(m *testing.M) {
	var err error
	switch os.Getenv(builderVariable) {
	case "":
		os.Exit(m.Run())
	case "sandbox":
		err = sleepInSandbox(os.Getenv(builderDir))
	case "build":
		show := func(p image.Progress) { fmt.Println(p.Index, p.Step, p.Percent) }
		_, err = testStore(os.Getenv(builderDir)).Ensure(context.Background(), "docker", show)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// testStore is a store of images that are really built.
func testStore(dir string) *image.Store { return image.NewStore(dir, New(), nil) }

// sleepInSandbox leaves processes in sessions of their own, and a mount, waiting for an end that
// does not come.
func sleepInSandbox(dir string) error {
	box, err := newSandbox()
	if err != nil {
		return err
	}
	script := `mount -t tmpfs tmpfs "$1/mnt"; setsid sh -c 'sleep 1000000; true' "$1" &
		(trap "" TERM HUP; sleep 1000000; true) & echo ready; wait`
	return box.run(context.Background(), dir, os.Stdout, "sh", "-c", script, "sh", dir)
}

// startBuilder starts a builder and returns its output and its identity.
func startBuilder(t *testing.T, what, dir string) (*bufio.Scanner, process.Identity) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), builderVariable+"="+what, builderDir+"="+dir)
	cmd.Stderr = os.Stderr
	// A pipe of ours: what survives the builder must not keep cmd.Wait waiting.
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = w
	if err := errors.Join(cmd.Start(), w.Close()); err != nil {
		t.Fatal(err)
	}
	id, err := process.Identify(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // dead already when the test went well
		_ = cmd.Wait()         // ends by the kill
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return bufio.NewScanner(r), id
}

// tied returns the living processes that work for a builder in dir: they have dir in their
// command line, or their root or working directory below it.
func tied(t *testing.T, dir string) []process.Identity {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var found []process.Identity
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() || !worksIn(pid, dir) {
			continue
		}
		if id, err := process.Identify(pid); err == nil {
			found = append(found, id)
		}
	}
	return found
}

func worksIn(pid int, dir string) bool {
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	cmdline, _ := os.ReadFile(filepath.Join(proc, "cmdline")) // unreadable: not ours, or gone
	if bytes.Contains(cmdline, []byte(dir)) {
		return true
	}
	for _, link := range []string{"root", "cwd"} {
		if target, err := os.Readlink(filepath.Join(proc, link)); err == nil && strings.HasPrefix(target, dir) {
			return true
		}
	}
	return false
}

// awaitTied waits until a builder in dir has processes at work.
func awaitTied(t *testing.T, dir string) []process.Identity {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), killDeadline)
	defer cancel()
	for ctx.Err() == nil {
		if ids := tied(t, dir); len(ids) > 0 {
			return ids
		}
	}
	t.Fatal("the builder has no processes: killing it would show nothing")
	return nil
}

// checkNothingLeft waits until the processes, and those that they started meanwhile, have ended,
// and looks for mounts.
func checkNothingLeft(t *testing.T, dir string, ids []process.Identity) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), killDeadline)
	defer cancel()
	for ; len(ids) > 0; ids = tied(t, dir) {
		for _, id := range ids {
			if err := id.Wait(ctx); err != nil {
				t.Fatalf("a process of a killed builder lives on: %v", err)
			}
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), dir) {
		t.Errorf("mounts are left below %s", dir)
	}
}

func kill(t *testing.T, id process.Identity) {
	t.Helper()
	p, err := os.FindProcess(id.PID)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
}

func needSandbox(t *testing.T) sandbox {
	t.Helper()
	box, err := newSandbox()
	if err != nil {
		t.Skip("no unshare here:", err)
	}
	if err := checkSandbox(t.Context(), box, t.TempDir()); err != nil {
		t.Skip("no namespaces here:", err)
	}
	return box
}

func mkdir(t *testing.T, elem ...string) string {
	t.Helper()
	dir := filepath.Join(elem...)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestKilledBuilderTakesItsSandboxAlong(t *testing.T) {
	needSandbox(t)
	dir := t.TempDir()
	mkdir(t, dir, "mnt")
	output, builder := startBuilder(t, "sandbox", dir)
	if !output.Scan() || output.Text() != "ready" {
		t.Fatalf("the builder said %q, %v", output.Text(), output.Err())
	}
	ids := tied(t, dir)
	if len(ids) < 3 {
		t.Fatalf("found %d processes of the sandbox, want more: the test would show nothing", len(ids))
	}
	kill(t, builder)
	checkNothingLeft(t, dir, ids)
}

func TestCancelledSandboxEnds(t *testing.T) {
	box := needSandbox(t)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- box.run(ctx, dir, w, "sh", "-c", `setsid sleep 1000000 & echo ready; wait`, "sh", dir)
		_ = w.Close() // never fails
	}()
	if line, err := bufio.NewReader(r).ReadString('\n'); line != "ready\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	ids := tied(t, dir)
	cancel()
	if err := <-ended; err == nil {
		t.Error("a cancelled program succeeded")
	}
	checkNothingLeft(t, dir, ids)
}

// What the sandbox makes as a user of its own, it can remove again: an ordinary user cannot.
func TestRemoveTreeOfOtherUsers(t *testing.T) {
	box := needSandbox(t)
	dir := mkdir(t, t.TempDir(), "partial")
	script := `mkdir -p tree/deep && touch tree/deep/file && chown -R 33:33 tree && chmod 700 tree tree/deep`
	var output bytes.Buffer
	if err := box.run(t.Context(), dir, &output, "sh", "-c", script); err != nil {
		t.Fatal(err, output.String())
	}
	if err := New().RemoveAll(t.Context(), dir); err != nil {
		t.Error(err)
	}
	if exists(dir) {
		t.Error("the tree is still there")
	}
}

// TestRealBuild builds the real image, killing the builder in several steps first. Each time
// nothing may be left but the directory that the next build removes.
func TestRealBuild(t *testing.T) {
	if os.Getenv(buildVariable) == "" {
		t.Skip("set " + buildVariable + "=1 to build a real image")
	}
	dir := filepath.Join(t.TempDir(), "images")
	for _, step := range []int{stepDownload, stepInstall, stepFileSystem} {
		killBuildAt(t, dir, step)
	}
	first, err := testStore(dir).Ensure(t.Context(), "docker", nil)
	if err != nil {
		t.Fatal(err)
	}
	second, err := testStore(dir).Build(t.Context(), "docker", image.BuildOptions{}, nil)
	if err != nil || !reflect.DeepEqual(second, first) {
		t.Errorf("building again gave %v, %v, want the same image %v", second, err, first)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".partial-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	checkNothingLeft(t, dir, tied(t, dir))
}

func killBuildAt(t *testing.T, dir string, step int) {
	t.Helper()
	output, builder := startBuilder(t, "build", dir)
	prefix := strconv.Itoa(step + 1)
	for !strings.HasPrefix(output.Text(), prefix) {
		if !output.Scan() {
			t.Fatalf("the build ended before its step %s: %v", prefix, output.Err())
		}
	}
	ids := awaitTied(t, dir)
	t.Logf("killing the builder at %q, with %d processes", output.Text(), len(ids))
	kill(t, builder)
	checkNothingLeft(t, dir, ids)
	if entries, err := testStore(dir).List(); err != nil || len(entries) != 0 {
		t.Errorf("after the kill: %v, %v, want no image", entries, err)
	}
}
