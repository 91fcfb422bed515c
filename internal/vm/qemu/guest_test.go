// SPDX-License-Identifier: Apache-2.0

//go:build linux

package qemu_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/logfile"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
	"rancherdesktop.io/rdd/internal/vm/image/build"
	"rancherdesktop.io/rdd/internal/vm/image/fetch"
	"rancherdesktop.io/rdd/internal/vm/qemu"
	"rancherdesktop.io/rdd/internal/vm/qemu/hostagent"
	"rancherdesktop.io/rdd/internal/vm/qemu/share"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
	"rancherdesktop.io/rdd/internal/vm/vmtest"
)

// guestVariable switches the tests on that boot real guests. They take minutes, and the first one
// builds the image.
const guestVariable = "RDD_TEST_GUEST"

// TestMain lets this test's program be the hostagents that the engine starts, and QEMU.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == fakeQEMUName {
		if err := fakeQEMU(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) > 2 && os.Args[1] == "hostagent" {
		if err := serveHostagent(os.Args[2], os.Args[3:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) > 1 && os.Args[1] == lifeCommand {
		if err := serveLives(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) > 1 && os.Args[1] == share.ViewCommand {
		fmt.Fprintln(os.Stderr, share.Exec(os.Args[2:], os.Environ()))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func serveHostagent(name string, args []string) error {
	config := hostagent.Config{Version: "test"}
	flags := flag.NewFlagSet("hostagent", flag.ExitOnError)
	home := flags.String("lima-home", "", "")
	flags.StringVar(&config.CacheDir, "cache-dir", "", "")
	flags.StringVar(&config.Accelerator, "accelerator", "", "")
	flags.BoolVar(&config.Adopt, "adopt", false, "")
	flags.BoolVar(&config.Inherited, "inherited", false, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	config.Dir, config.Private = vmdir.In(*home, name), []string{*home}
	config.Events = logfile.NewWriter(os.Stdout, config.Dir.HostagentStdout(), vmdir.MaxLog)
	config.Log = slog.New(slog.NewTextHandler(logfile.NewWriter(os.Stderr, config.Dir.HostagentStderr(), vmdir.MaxLog), nil))
	guest, err := readFakeGuest(string(config.Dir))
	if err != nil {
		return err
	}
	config.ProbeTimeout, config.Room = guest.ProbeTimeout, fakeRoom
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return hostagent.Run(ctx, config)
}

// needGuest skips a test unless real guests are asked for.
func needGuest(t *testing.T) {
	t.Helper()
	if os.Getenv(guestVariable) == "" {
		t.Skipf("SKIPPED: it boots real guests; set %s=1 to run it", guestVariable)
	}
}

// shortDir is a temporary directory whose path leaves room for socket names.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "rdd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// newEngine makes an engine on a LIMA_HOME, with the user's own cache of images.
func newEngine(t *testing.T, home string) *qemu.Engine {
	t.Helper()
	inst, err := instance.Resolve("")
	if err != nil {
		t.Fatal(err)
	}
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return qemu.New(qemu.Config{
		LimaHome: home, CacheDir: inst.CacheDir, Images: image.NewStore(inst.ImageDir(), build.New(), fetch.New()), Executable: executable,
		Version: "test", User: vmdir.User{Name: "tester", UID: 1234, Home: home},
		Log: slog.New(slog.NewTextHandler(testWriter{t}, nil)),
	})
}

// testWriter sends an engine's log to the test's; background work may outlast the test.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	if w.t.Context().Err() == nil {
		w.t.Log(string(p))
	}
	return len(p), nil
}

const guestTemplate = `vmType: qemu
images: [{location: "rdd:docker"}]
cpus: 2
memory: 1GiB
disk: 20GiB
env: {GREETING: "it's me"}
portForwards: [{guestSocket: /var/run/docker.sock, hostSocket: "{{.Dir}}/docker.sock"}]
`

func TestConformance(t *testing.T) {
	needGuest(t)
	vmtest.Run(t, func(t *testing.T) vmtest.Subject {
		home := shortDir(t)
		return vmtest.Subject{
			Engine:        newEngine(t, home),
			Reopen:        func(t *testing.T) vm.Engine { return newEngine(t, home) },
			KillGuest:     func(t *testing.T, name string) { killQEMU(t, vmdir.In(home, name)) },
			KillHostagent: func(t *testing.T, name string) { killHostagent(t, vmdir.In(home, name)) },
			AddForeign:    func(t *testing.T, name string) { addForeign(t, filepath.Join(home, name)) },
			Template:      []byte(guestTemplate),
			Changed:       []byte(guestTemplate + "message: changed\n"),
			Message:       "changed",
			Forward:       func(_ *testing.T, name string) vm.Forward { return dockerForward(vmdir.In(home, name)) },
			Invalid:       []byte(guestTemplate + "nestedVirtualization: true\n"),
			InvalidField:  "nestedVirtualization",
			Timeout:       15 * time.Minute,
		}
	})
}

// dockerForward is what the template above forwards.
func dockerForward(dir vmdir.Dir) vm.Forward {
	return vm.Forward{Protocol: "unix", Host: filepath.Join(string(dir), "docker.sock"), Guest: "/var/run/docker.sock"}
}

func addForeign(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "precious"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := os.Stat(filepath.Join(dir, "precious")); err != nil {
			t.Errorf("a foreign directory was touched: %v", err)
		}
	})
}

func killHostagent(t *testing.T, dir vmdir.Dir) {
	t.Helper()
	run, err := dir.ReadRun()
	if err != nil || run.Hostagent == nil {
		t.Fatalf("no hostagent to kill: %+v, %v", run, err)
	}
	if err := run.Hostagent.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := run.Hostagent.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func killQEMU(t *testing.T, dir vmdir.Dir) {
	t.Helper()
	run, err := dir.ReadRun()
	if err != nil || run.QEMU == nil {
		t.Fatalf("no QEMU to kill: %+v, %v", run, err)
	}
	if err := run.QEMU.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}
