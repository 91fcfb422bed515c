// SPDX-License-Identifier: Apache-2.0

//go:build linux

package qemu_test

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
)

// TestScreen: address and password are in the instance directory while the machine runs, and the
// password differs for each start.
func TestScreen(t *testing.T) {
	h := newFakeHost(t)
	e := h.engine(t)
	must(t, e.Apply(t.Context(), spec(guestTemplate+"video: {display: vnc}\n")))
	await(t, e, "created", in(vm.PhaseStopped))
	passwords := map[string]bool{}
	for range 2 {
		must(t, e.Start(t.Context(), owner, "x"))
		await(t, e, "running", in(vm.PhaseRunning))
		if address, err := os.ReadFile(h.dir().VNCDisplay()); err != nil || string(address) != "127.0.0.1:5907" {
			t.Errorf("%q, %v", address, err)
		}
		password, err := os.ReadFile(h.dir().VNCPassword())
		must(t, err)
		info, err := os.Stat(h.dir().VNCPassword())
		must(t, err)
		if len(password) != 8 || passwords[string(password)] || info.Mode().Perm() != 0o600 {
			t.Errorf("%q, %v", password, info.Mode())
		}
		passwords[string(password)] = true
		must(t, e.Stop(t.Context(), owner, "x", vm.StopForce))
		await(t, e, "stopped", in(vm.PhaseStopped))
		if _, err := os.Stat(h.dir().VNCPassword()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("left behind: %v", err)
		}
	}
}
