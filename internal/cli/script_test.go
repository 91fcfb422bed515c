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
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"rancherdesktop.io/rdd/internal/client"
	containersfake "rancherdesktop.io/rdd/internal/containers/fake"
	"rancherdesktop.io/rdd/internal/daemon/offline"
	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/daemon/wiring"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/version"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/fake"
)

// The scripts in testdata/script run this test binary under the name rdd, as CLI and
// as daemon, with the fake engine. Each has a HOME, an instance and a daemon of its
// own, which ends with the script whatever happens. Besides testscript's commands there are
//
//	exits CODE CMD…         runs a command that must end with that exit code
//	hold, release           stops the fake engine's background work, lets it go on
//	lacks OPERATION [WHAT]  makes an operation (create, start, stop, delete) fail because the host lacks WHAT;
//	                        without WHAT it succeeds again; OPERATION containers: WHAT keeps container engines from working
//	leave NAME UID NS [K=V] leaves an instance directory whose LimaVM is gone, for the next daemon to find
//	killdaemon              ends the script's daemon with SIGKILL
//	losedirectory           removes the service directory under its daemon, and returns when that has ended
//	waitlog FILE REGEX [N]  returns when the file matches, N times
//	waitgone PATH           returns when there is no such file
//	waitbackup              returns when the daemon has backed its store up
//	waitevent REASON        returns when there is an Event with that reason
//	foreignpid              writes the test's own process into the daemon's PID file: who signals it ends the test
//	rot KEY                 damages the value of a key in the store, whose daemon does not run
//	smalldisk DIR SIZE      mounts a small file system on a directory, where the condition mount holds
//	fill FILE               takes all room of a file system by a file
//	busyport                takes the daemon's port until the script ends; $BUSY is its number

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"rdd": func() { os.Exit(Main(os.Args[1:], WithEngines(scriptEngines))) },
		// Links named kubectl.
		"kubectl":     func() { os.Exit(Main(os.Args[1:], WithEngines(scriptEngines))) },
		"kubectl.exe": func() { os.Exit(Main(os.Args[1:], WithEngines(scriptEngines))) },

		"rdd-v1": func() {
			os.Exit(Main(os.Args[1:], WithEngines(scriptEngines), WithBuild(version.Build{Version: "v1.0.0"})))
		},
		"rdd-untagged": func() {
			os.Exit(Main(os.Args[1:], WithEngines(scriptEngines), WithBuild(untagged(time.Hour))))
		},
		"rdd-rebuilt": func() {
			os.Exit(Main(os.Args[1:], WithEngines(scriptEngines), WithBuild(untagged(2*time.Hour))))
		},
		"rdd-v2": func() {
			os.Exit(Main(os.Args[1:], WithEngines(scriptEngines), WithBuild(version.Build{Version: "v2.0.0"})))
		},
	})
}

// untagged is a build without a release tag, of a commit made that long after some moment.
func untagged(age time.Duration) version.Build {
	return version.Build{
		Version: "v0.0.0-dev+0123456", Revision: age.String(), Committed: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(age),
	}
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		Setup:               setupScript,
		Condition:           scriptCondition,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   cmdExits,
			"hold":    cmdHold,
			"release": cmdRelease,
			"lacks":   cmdLacks,
			"leave":   cmdLeave,

			"killdaemon": cmdKillDaemon,

			"losedirectory": cmdLoseDirectory,
			"waitlog":       cmdWaitLog,
			"waitgone":      cmdWaitGone,
			"waitbackup":    cmdWaitBackup,
			"waitevent":     cmdWaitEvent,
			"busyport":      cmdBusyPort,
			"foreignpid":    cmdForeignPID,
			"rot":           cmdRot,
			"smalldisk":     cmdSmallDisk,
			"fill":          cmdFill,
		},
	})
}

const (
	// stepInterval is the time between two steps of the fake engine's background work.
	stepInterval = 50 * time.Millisecond
	holdFile     = "hold"
	// stopTimeout bounds the end of a script's daemon.
	stopTimeout = time.Minute
)

var scriptOperations = []vm.Operation{vm.OperationCreate, vm.OperationStart, vm.OperationStop, vm.OperationDelete}

// controls is the directory by which a script tells its fake engine what to do.
func controls(home string) string { return filepath.Join(home, "fake") }

// scriptEngines are fake engines whose work goes on as the files in controls say.
func scriptEngines(inst instance.Instance) (wiring.Engines, error) {
	world := fake.NewWorld(time.Now)
	engine := world.Open()
	found, err := findLeft(world, engine, inst.LimaHome())
	if err != nil {
		return wiring.Engines{}, err
	}
	dir := controls(os.Getenv("HOME"))
	containers := &containersfake.Monitor{}
	go func() {
		for range time.Tick(stepInterval) {
			breakContainers(containers, dir)
			for _, operation := range scriptOperations {
				planFailure(world, dir, operation)
			}
			if _, err := os.Stat(filepath.Join(dir, holdFile)); err != nil {
				world.Advance()
				containers.Advance()
			}
			if err := found.follow(); err != nil {
				panic(err) // the script's own files
			}
		}
	}()
	return wiring.Engines{Machines: engine, Containers: containers}, nil
}

// containersBroken names the file that keeps container engines from working, and says why.
const containersBroken = "containers"

func breakContainers(monitor *containersfake.Monitor, dir string) {
	problem, err := os.ReadFile(filepath.Join(dir, containersBroken))
	if err != nil {
		problem = nil
	}
	monitor.Break(string(problem))
}

func planFailure(world *fake.World, dir string, operation vm.Operation) {
	missing, err := os.ReadFile(filepath.Join(dir, string(operation)))
	if err != nil {
		world.FailOperation(operation, nil, 0)
		return
	}
	world.FailOperation(operation, &vm.HostError{Missing: string(missing), Hint: "sudo apt-get install " + string(missing)}, -1)
}

// setupScript makes a HOME whose paths are short enough for sockets.
func setupScript(env *testscript.Env) error {
	home, err := os.MkdirTemp("", "rdd")
	if err != nil {
		return err
	}
	env.Defer(func() {
		if err := endDaemons(home); err != nil {
			env.T().Log(err)
		}
		if err := os.RemoveAll(home); err != nil {
			env.T().Log(err)
		}
	})
	env.Setenv("HOME", home)
	env.Setenv("RDD_INSTANCE", scriptInstance)
	rdd, err := exec.LookPath("rdd")
	if err != nil {
		return err
	}
	env.Setenv("RDD", rdd)
	env.Setenv("SERVICE_DIR", scriptPaths(home).Dir)
	env.Setenv("LOG_DIR", scriptPaths(home).LogDir)
	return os.Mkdir(controls(home), 0o700)
}

const scriptInstance = "t"

func scriptPaths(home string) instance.Instance {
	name := "rancher-desktop-" + scriptInstance
	return instance.Instance{
		Name:     scriptInstance,
		Dir:      filepath.Join(home, ".local", "share", name),
		LogDir:   filepath.Join(home, ".local", "state", name),
		ShortDir: filepath.Join(home, ".rd"+scriptInstance),
		CacheDir: filepath.Join(home, ".cache", "rancher-desktop"),
	}
}

// endDaemons ends the daemons of all instances that a script has made.
func endDaemons(home string) error {
	dirs, err := filepath.Glob(filepath.Join(home, ".local", "share", "rancher-desktop-*"))
	for _, dir := range dirs {
		err = errors.Join(err, endDaemon(instance.Instance{Dir: dir}))
	}
	return err
}

func endDaemon(inst instance.Instance) error {
	if exists, err := presence.Exists(inst); err != nil || !exists {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if _, err := client.Stop(ctx, inst); err != nil {
		return fmt.Errorf("ending the script's daemon: %w", err)
	}
	return nil
}

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

func cmdKillDaemon(ts *testscript.TestScript, _ bool, _ []string) {
	state, daemon, err := client.Find(scriptPaths(ts.Getenv("HOME")))
	ts.Check(err)
	if state != client.Running {
		ts.Fatalf("the daemon is not running")
	}
	ts.Check(daemon.Process.Signal(syscall.SIGKILL))
	ts.Check(daemon.Process.Wait(context.Background()))
}

func cmdLoseDirectory(ts *testscript.TestScript, _ bool, _ []string) {
	inst := scriptPaths(ts.Getenv("HOME"))
	state, daemon, err := client.Find(inst)
	ts.Check(err)
	if state != client.Running {
		ts.Fatalf("the daemon is not running")
	}
	ts.Check(os.RemoveAll(inst.Dir))
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

// until looks again and again until it is so.
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
		return // somebody else sees to it
	}
	ts.Check(err)
	ts.Defer(func() { _ = listener.Close() })
}

func cmdForeignPID(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(os.WriteFile(scriptPaths(ts.Getenv("HOME")).PIDFile(), []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600))
}
