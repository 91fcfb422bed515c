// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"rancherdesktop.io/rdd/internal/client"
	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/version"
)

// The scripts in testdata/script run this test binary under the name rdd, as client and as daemon,
// with the fake engine. Each has a HOME, an instance and a daemon of its own, which is stopped at
// the end of the script in any case. Besides testscript's commands there are
//
//	exits CODE CMD…         runs a command that must end with that exit code
//	hold, release           stops the fake engine's background work, lets it go on
//	lacks OPERATION [WHAT]  makes an operation (create, start, stop, delete) fail because the host lacks WHAT;
//	                        without WHAT it succeeds again; OPERATION containers: WHAT keeps container engines from working
//	leave NAME UID NS [K=V] makes an instance directory whose LimaVM is deleted, for the next daemon to find
//	killdaemon [ABRT]       ends the script's daemon with SIGKILL, or SIGABRT
//	losedirectory           removes the service directory under its daemon, and returns when that has ended
//	waitlog FILE REGEX [N]  returns when the file matches, N times
//	waitgone PATH           returns when there is no such file
//	waitbackup              returns when the daemon has backed its store up
//	waitevent REASON        returns when there is an Event with that reason
//	foreignpid              writes the test's own process into the daemon's PID file: a signal to it ends the test
//	rot KEY                 damages the value of a key in the store, whose daemon does not run
//	smalldisk DIR SIZE      mounts a small file system on a directory, where the condition mount holds
//	remount DIR OPTIONS     gives it other options
//	fill FILE               takes all room of a file system by a file
//	busyport                takes the daemon's port until the script ends; $BUSY is its number
//	takeport                takes any port until the script ends; $TAKEN is its number

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

// untagged returns a build without a release tag, of a commit that was made that long after a fixed
// time.
func untagged(after time.Duration) version.Build {
	return version.Build{
		Version: "v0.0.0-dev+0123456", Revision: after.String(), Committed: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(after),
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
			"takeport":      cmdTakePort,
			"foreignpid":    cmdForeignPID,
			"rot":           cmdRot,
			"smalldisk":     cmdSmallDisk,
			"remount":       cmdRemount,
			"fill":          cmdFill,
		},
	})
}

// stopTimeout bounds the stop of a script's daemon.
const stopTimeout = time.Minute

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
