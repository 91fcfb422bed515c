// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
)

const (
	failVariable = "RDD_E2E_FAIL"
	failMessage  = "failing on purpose while the guest boots"
)

// TestFailsOnPurpose is run by TestTeardownAfterFailure.
func TestFailsOnPurpose(t *testing.T) {
	if os.Getenv(failVariable) != "1" {
		t.Skip("run by TestTeardownAfterFailure")
	}
	w := newWorld(t, "")
	w.rdd("start", "--wait=false")
	w.await(appVM, func(m *limav1.LimaVM) bool {
		return reason(m, limav1.ConditionRunning) == limav1.ReasonStarting && w.hasGuest()
	})
	t.Fatal(failMessage)
}

// TestTeardownAfterFailure checks that a test which fails half-way leaves nothing behind.
func TestTeardownAfterFailure(t *testing.T) {
	requireE2E(t)
	home, err := os.MkdirTemp("", "rdd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	cmd := exec.Command(os.Args[0], "-test.run=^TestFailsOnPurpose$", "-test.v")
	cmd.Env = append(os.Environ(), failVariable+"=1", homeVariable+"="+home)
	out, err := cmd.CombinedOutput()
	t.Logf("the failing test:\n%s", out)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || !strings.Contains(string(out), failMessage) {
		t.Fatalf("the test that fails on purpose ended with %v", err)
	}
	if strings.Contains(string(out), "left after the teardown") {
		t.Error("the teardown had to use force")
	}
	for _, p := range processesOf(t, home) {
		t.Errorf("left behind: process %s", p)
	}
	if _, err := os.Stat(home); !os.IsNotExist(err) {
		t.Errorf("left behind: %s", home)
	}
	t.Logf("nothing is left of %s", home)
}
