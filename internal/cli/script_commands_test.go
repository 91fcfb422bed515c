// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"rancherdesktop.io/rdd/internal/client"
	"rancherdesktop.io/rdd/internal/daemon/offline"
)

func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE CMD…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%s ended with exit code %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// controlFile is the path of a control file of the script: see controls.
func controlFile(ts *testscript.TestScript, name string) string {
	return filepath.Join(controls(ts.Getenv("HOME")), name)
}

func cmdHold(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(os.WriteFile(controlFile(ts, holdFile), nil, 0o600))
}

func cmdRelease(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(os.Remove(controlFile(ts, holdFile)))
}

func cmdLacks(ts *testscript.TestScript, _ bool, args []string) {
	switch len(args) {
	case 1:
		if err := os.Remove(controlFile(ts, args[0])); !errors.Is(err, fs.ErrNotExist) {
			ts.Check(err)
		}
	case 2:
		ts.Check(os.WriteFile(controlFile(ts, args[0]), []byte(args[1]), 0o600))
	default:
		ts.Fatalf("usage: lacks OPERATION [WHAT]")
	}
}

func cmdKillDaemon(ts *testscript.TestScript, _ bool, args []string) {
	signal := syscall.SIGKILL
	if len(args) == 1 && args[0] == "ABRT" {
		signal = syscall.SIGABRT
	}
	state, daemon, err := client.Find(scriptPaths(ts.Getenv("HOME")))
	ts.Check(err)
	if state != client.Running {
		ts.Fatalf("the daemon is not running")
	}
	ts.Check(daemon.Process.Signal(signal))
	ts.Check(daemon.Process.Wait(context.Background()))
}

func cmdLoseDirectory(ts *testscript.TestScript, _ bool, _ []string) {
	inst := scriptPaths(ts.Getenv("HOME"))
	state, daemon, err := client.Find(inst)
	ts.Check(err)
	if state != client.Running {
		ts.Fatalf("the daemon is not running")
	}
	ts.Check(inst.RemoveDir(inst.Dir)) // the link alone would come back
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := daemon.Process.Wait(ctx); err != nil {
		ts.Check(errors.Join(err, daemon.Process.Signal(syscall.SIGKILL)))
	}
}

func cmdWaitLog(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: waitlog FILE REGEX [N]")
	}
	times := 1
	if len(args) == 3 {
		var err error
		times, err = strconv.Atoi(args[2])
		ts.Check(err)
	}
	pattern, err := regexp.Compile(args[1])
	ts.Check(err)
	var data []byte
	until(ts, func() bool {
		data, err = os.ReadFile(args[0])
		if !errors.Is(err, fs.ErrNotExist) {
			ts.Check(err)
		}
		return len(pattern.FindAll(data, -1)) >= times
	}, func() string { return fmt.Sprintf("%s never matched %s:\n%s", args[0], args[1], data) })
}

// until polls until so holds. After stopTimeout it fails the script with the text of otherwise.
func until(ts *testscript.TestScript, so func() bool, otherwise func() string) {
	deadline := time.After(stopTimeout)
	tick := time.NewTicker(stepInterval)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-deadline:
			ts.Fatalf("%s", otherwise())
		}
	}
}

func cmdWaitGone(ts *testscript.TestScript, _ bool, args []string) {
	until(ts, func() bool {
		_, err := os.Stat(args[0])
		return errors.Is(err, fs.ErrNotExist)
	}, func() string { return args[0] + " is still there" })
}

func cmdWaitBackup(ts *testscript.TestScript, _ bool, _ []string) {
	until(ts, func() bool {
		backups, err := offline.Backups(scriptPaths(ts.Getenv("HOME")))
		ts.Check(err)
		return len(backups) > 0
	}, func() string { return "the daemon made no backup" })
}

func cmdBusyPort(ts *testscript.TestScript, _ bool, _ []string) {
	port := strconv.Itoa(scriptPaths(ts.Getenv("HOME")).Port())
	ts.Setenv("BUSY", port)
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
	if errors.Is(err, syscall.EADDRINUSE) {
		return // another process has the port already
	}
	ts.Check(err)
	ts.Defer(func() { _ = listener.Close() })
}

func cmdTakePort(ts *testscript.TestScript, _ bool, _ []string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { _ = listener.Close() })
	ts.Setenv("TAKEN", strconv.Itoa(listener.Addr().(*net.TCPAddr).Port))
}

func cmdForeignPID(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(os.WriteFile(scriptPaths(ts.Getenv("HOME")).PIDFile(), []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600))
}

// cmdWaitEvent waits for an Event with a reason.
func cmdWaitEvent(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitevent REASON")
	}
	until(ts, func() bool {
		ts.Check(ts.Exec("rdd", "ctl", "get", "events", "-A", "-o", "jsonpath={.items[*].reason}"))
		return strings.Contains(ts.ReadFile("stdout"), args[0])
	}, func() string { return "there is no Event " + args[0] })
}
