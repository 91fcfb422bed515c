// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"rancherdesktop.io/rdd/internal/process"
)

const sigkill = syscall.SIGKILL

// running is a process of a world.
type running struct {
	id      process.Identity
	session int
	command []string
}

func (r running) String() string {
	return fmt.Sprintf("%d (session %d): %s", r.id.PID, r.session, strings.Join(r.command, " "))
}

// role is the command of the process, without what differs from run to run.
func (r running) role() string {
	name := filepath.Base(r.command[0])
	if !strings.HasPrefix(name, "rdd") {
		return name
	}
	var args []string
	for _, arg := range r.command[1:] {
		if !strings.HasPrefix(arg, "-") && arg != instanceName {
			args = append(args, arg)
		}
	}
	return "rdd " + strings.Join(args, " ")
}

// isQuery tells a QEMU that a daemon which has just started asks for its version. It ends by
// itself.
func (r running) isQuery() bool { return r.command[len(r.command)-1] == "-version" }

// processesOf finds the processes with this HOME in their environment.
func processesOf(t *testing.T, home string) []running {
	t.Helper()
	environments, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	var found []running
	for _, path := range environments {
		data, err := os.ReadFile(path)
		if err != nil || !carries(data, "HOME="+home) {
			continue // it has exited meanwhile, or is another user's
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil || pid == os.Getpid() {
			continue
		}
		r, err := inspect(pid)
		if errors.Is(err, process.ErrGone) {
			continue
		}
		if err != nil {
			t.Error(err)
			continue
		}
		found = append(found, r)
	}
	return found
}

func carries(environment []byte, entry string) bool {
	for _, each := range bytes.Split(environment, []byte{0}) {
		if string(each) == entry {
			return true
		}
	}
	return false
}

func inspect(pid int) (running, error) {
	id, err := process.Identify(pid)
	if err != nil {
		return running{}, err
	}
	session, err := process.Session(pid)
	if err != nil {
		return running{}, err
	}
	command, err := process.CommandLine(pid)
	return running{id: id, session: session, command: command}, err
}

// guest is the QEMU process of a world; it must be exactly one.
func (w *world) guest() process.Identity {
	w.t.Helper()
	var found []running
	for _, p := range processesOf(w.t, w.home) {
		if strings.HasPrefix(filepath.Base(p.command[0]), "qemu-system-") && !p.isQuery() {
			found = append(found, p)
		}
	}
	if len(found) != 1 {
		w.t.Fatalf("%d guests run, want 1: %v", len(found), found)
	}
	return found[0].id
}
