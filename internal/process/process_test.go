// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/flock"
)

func TestRedirect(t *testing.T) {
	dir := t.TempDir()
	create := func(name string) *os.File {
		t.Helper()
		f, err := os.Create(dir + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	stream, file := create("stream"), create("file")
	if _, err := stream.WriteString("before\n"); err != nil {
		t.Fatal(err)
	}
	if err := Redirect(stream, file); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.WriteString("after\n"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"stream": "before\n", "file": "after\n"} {
		if data, err := os.ReadFile(dir + "/" + name); err != nil || string(data) != want {
			t.Errorf("%s holds %q: %v", name, data, err)
		}
	}
}

// sleeper starts a detached process that ends with the test at the latest.
func sleeper(t *testing.T) (Identity, <-chan error) {
	t.Helper()
	id, ended, err := StartDetached(Command{Path: "/bin/sleep", Args: []string{"600"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := id.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, ErrGone) {
			t.Error(err)
		}
	})
	return id, ended
}

func TestStartDetachedHasItsOwnSession(t *testing.T) {
	id, _ := sleeper(t)
	if session, err := Session(id.PID); err != nil || session != id.PID {
		t.Errorf("session %d, %v; want %d", session, err, id.PID)
	}
	args, err := CommandLine(id.PID)
	if err != nil || strings.Join(args, " ") != "/bin/sleep 600" {
		t.Errorf("command line %q, %v", args, err)
	}
}

func TestStartDetachedHandsDownOnlyNamedFiles(t *testing.T) {
	other, err := os.CreateTemp(t.TempDir(), "other")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	// The process waits for the end of its input, so that it is there still when it is identified.
	stdin, hold, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	_, ended, err := StartDetached(Command{
		Path: "/bin/sh", Args: []string{"-c", "ls /proc/self/fd >&3; cat"}, Stdin: stdin, Files: []*os.File{write},
	})
	hold.Close()
	if err != nil {
		t.Fatal(err)
	}
	write.Close()
	var out bytes.Buffer
	if _, err := out.ReadFrom(read); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	// ls itself opens the directory as the next free descriptor.
	if got := strings.Fields(out.String()); strings.Join(got, " ") != "0 1 2 3 4" {
		t.Errorf("descriptors %v", got)
	}
}

func TestSignalHitsOnlyTheIdentifiedProcess(t *testing.T) {
	id, _ := sleeper(t)
	for name, stale := range map[string]Identity{
		"another start time": {PID: id.PID, StartTime: id.StartTime + 1, BootID: id.BootID},
		"another boot":       {PID: id.PID, StartTime: id.StartTime, BootID: "x"},
	} {
		if err := stale.Signal(syscall.SIGKILL); !errors.Is(err, ErrGone) {
			t.Errorf("%s: got %v, want ErrGone", name, err)
		}
		if stale.Alive() {
			t.Errorf("%s: is said to be alive", name)
		}
	}
	if !id.Alive() {
		t.Fatal("the process was hit by a stale identity")
	}
}

func TestWait(t *testing.T) {
	id, ended := sleeper(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := id.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("waiting for a living process: %v", err)
	}
	waited := make(chan error, 1)
	go func() { waited <- id.Wait(t.Context()) }()
	if err := id.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; err != nil {
		t.Fatal(err)
	}
	<-ended
	if err := id.Wait(t.Context()); err != nil {
		t.Errorf("waiting for what has ended: %v", err)
	}
	if err := id.Signal(syscall.SIGKILL); !errors.Is(err, ErrGone) {
		t.Errorf("signalling what has ended: %v", err)
	}
}

func TestAZombieIsGone(t *testing.T) {
	cmd := exec.Command("/bin/sh", "-c", "read x")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	id, err := Identify(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	in.Close()
	if err := id.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := Identify(id.PID); !errors.Is(err, ErrGone) {
		t.Errorf("a zombie is identified: %v", err)
	}
	_ = cmd.Wait()
}

// TestWaitMeansThatLocksAreFree: a process of many threads ends thread by thread.
func TestWaitMeansThatLocksAreFree(t *testing.T) {
	if os.Getenv("PROCESS_TEST_THREADS") != "" {
		for range 200 {
			go func() {
				runtime.LockOSThread()
				select {}
			}()
		}
		memory := make([]byte, 256<<20) // takes a moment to give back
		for i := 0; i < len(memory); i += 4096 {
			memory[i] = 1
		}
		os.Stdout.WriteString("ready\n")
		<-time.After(time.Hour) // Go ends a program in which nobody waits for anything
	}
	for range 5 {
		path := t.TempDir() + "/lock"
		lock, err := flock.Try(path)
		if err != nil {
			t.Fatal(err)
		}
		child := exec.Command(os.Args[0], "-test.run=^TestWaitMeansThatLocksAreFree$")
		child.Env = append(os.Environ(), "PROCESS_TEST_THREADS=1")
		child.ExtraFiles = []*os.File{lock.File()}
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		if err := lock.Unlock(); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		id, err := Identify(child.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		if err := id.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		for id.Alive() { // until the first thread looks like a zombie
			runtime.Gosched()
		}
		if err := id.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if held, err := flock.Held(path); err != nil || held {
			t.Errorf("held %v, %v", held, err)
		}
		_ = child.Wait()
	}
}

func TestIdentifyNameWithParentheses(t *testing.T) {
	path := t.TempDir() + "/a) b (c"
	data, err := os.ReadFile("/bin/sleep")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o700); err != nil {
		t.Fatal(err)
	}
	id, _, err := StartDetached(Command{Path: path, Args: []string{"600"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = id.Signal(syscall.SIGKILL) }()
	if id.StartTime == 0 || !id.Alive() {
		t.Errorf("got %+v", id)
	}
}

// TestRunDiesWithItsParent runs this test binary as the parent, kills it, and watches its child.
func TestRunDiesWithItsParent(t *testing.T) {
	if os.Getenv("PROCESS_TEST_PARENT") != "" {
		_ = Run(context.Background(), Command{Path: "/bin/sh", Args: []string{"-c", "echo $$; exec sleep 600"}, Stdout: os.Stdout})
		return
	}
	parent := exec.Command(os.Args[0], "-test.run=^TestRunDiesWithItsParent$")
	parent.Env = append(os.Environ(), "PROCESS_TEST_PARENT=1")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	child, err := Identify(pid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = child.Signal(syscall.SIGKILL) })
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := child.Wait(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestOutput(t *testing.T) {
	out, err := Output(t.Context(), Command{Path: "/bin/sh", Args: []string{"-c", "echo out; echo why >&2; exit 3"}})
	if string(out) != "out\n" || err == nil || !strings.Contains(err.Error(), "why") {
		t.Errorf("got %q, %v", out, err)
	}
	if code, ok := ExitCode(err); !ok || code != 3 {
		t.Errorf("exit code %d, %v", code, ok)
	}
	if _, ok := ExitCode(errors.New("x")); ok {
		t.Error("an error that is no program's end has an exit code")
	}
}

func TestLookPathFindsSbin(t *testing.T) {
	t.Setenv("PATH", "/nowhere")
	if path, err := LookPath("ldconfig"); err != nil || !strings.HasSuffix(path, "/sbin/ldconfig") {
		t.Errorf("got %q, %v", path, err)
	}
	if _, err := LookPath("no-such-program-anywhere"); err == nil {
		t.Error("a missing program was found")
	}
}

// TestRunDetachedOfShortProcesses: StartDetached finds some of these gone already.
func TestRunDetachedOfShortProcesses(t *testing.T) {
	for range 100 {
		if err := RunDetached(t.Context(), Command{Path: "/bin/true"}); err != nil {
			t.Fatal(err)
		}
		err := RunDetached(t.Context(), Command{Path: "/bin/false"})
		if code, ok := ExitCode(err); !ok || code != 1 {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := RunDetached(ctx, Command{Path: "/bin/cat", Stdin: os.Stdin}); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
