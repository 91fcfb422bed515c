// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
)

// TestKilledDaemon kills the daemon with SIGKILL in every phase of a VM's life. The next command
// starts it again, the work goes on, and a guest that ran is not booted again.
func TestKilledDaemon(t *testing.T) {
	// The image is built here, so that it can be interrupted.
	cache, err := os.MkdirTemp("", "rdd-cache")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(cache); err != nil {
			t.Error(err)
		}
	})
	w := newWorld(t, cache)

	w.rdd("start", "--wait=false")
	w.killWhen("building an image", func(m *limav1.LimaVM) bool {
		return strings.Contains(condition(m, limav1.ConditionCreated).Message, "building image")
	})
	w.killWhen("creating the instance", func(m *limav1.LimaVM) bool {
		message := condition(m, limav1.ConditionCreated).Message
		return message == "creating the disk" || message == "choosing the accelerator"
	})
	w.killWhen("booting", func(m *limav1.LimaVM) bool {
		return reason(m, limav1.ConditionRunning) == limav1.ReasonStarting && w.hasGuest()
	})
	booting := w.guest()
	w.rdd("start", timeout)
	if now := w.guest(); now != booting {
		t.Errorf("the guest that was booting was started again: %+v became %+v", booting, now)
	}

	before := w.bootID()
	w.killWhen("running", func(m *limav1.LimaVM) bool { return reason(m, limav1.ConditionRunning) == limav1.ReasonStarted })
	w.rdd("start", timeout)
	after := w.bootID()
	t.Logf("boot id before the kill %s, after it %s", before, after)
	if before != after {
		t.Error("the guest that ran was booted again")
	}
	w.expect(w.rdd("run", timeout, "docker", "ps", "-q"), "")
	w.checkUpgrade(w.buildVersion("v999.0.0"))

	w.rdd("stop", "--wait=false")
	w.killWhen("stopping", func(m *limav1.LimaVM) bool { return reason(m, limav1.ConditionRunning) == limav1.ReasonStopping })
	w.rdd("stop", timeout)

	w.rdd("start", timeout)
	w.rdd("delete", "--wait=false")
	w.killWhen("deleting", func(m *limav1.LimaVM) bool { return m.DeletionTimestamp != nil })
	w.rdd("delete", timeout)
	w.checkNothingLeft()
}

// killWhen kills the daemon once the App's LimaVM is in a phase, and has the next command start it
// again.
func (w *world) killWhen(what string, in func(*limav1.LimaVM) bool) {
	w.t.Helper()
	victim := w.daemon()
	machine := w.await(appVM, in)
	if err := victim.Process.Signal(sigkill); err != nil {
		w.t.Fatalf("killing the daemon while %s: %v", what, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := victim.Process.Wait(ctx); err != nil {
		w.t.Fatal(err)
	}
	w.t.Logf("KILLED the daemon (pid %d) while %s; phase: %s", victim.Process.PID, what, phase(machine))
	w.rdd("status")
	back := w.daemon()
	if back.Process == victim.Process {
		w.t.Fatalf("the daemon was not replaced: pid %d", back.Process.PID)
	}
	w.t.Logf("the next command brought the daemon back (pid %d)", back.Process.PID)
}

// appVM names the App's LimaVM.
const appVM = "rd"

func (w *world) hasGuest() bool {
	found, err := filepath.Glob(filepath.Join(w.inst.LimaHome(), "*", "qmp.sock"))
	return err == nil && len(found) > 0
}

func (w *world) bootID() string {
	w.t.Helper()
	return w.bootIDOf(appVM)
}

// checkNothingLeft: no guest, no hostagent, no instance directory, no object of ours.
func (w *world) checkNothingLeft() {
	w.t.Helper()
	for _, p := range processesOf(w.t, w.home) {
		if !strings.Contains(p.role(), "service serve") && !p.isQuery() {
			w.t.Errorf("left after the deletion: process %s", p)
		}
	}
	entries, err := os.ReadDir(w.inst.LimaHome())
	if err != nil || len(entries) > 0 {
		w.t.Errorf("left after the deletion: instances %v, %v", entries, err)
	}
	w.expect(w.rdd("ctl", "get", "app,limavm", "-A", "-o", "name"), "")
	for _, object := range w.objects() {
		if strings.Contains(object, "/rd") {
			w.t.Errorf("left after the deletion: %s", object)
		}
	}
}
