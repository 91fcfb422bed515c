// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"errors"
	"testing"

	"rancherdesktop.io/rdd/internal/instance"
)

func TestLock(t *testing.T) {
	inst := instance.Instance{Dir: t.TempDir()}
	expect := func(when string, want bool) {
		t.Helper()
		if got, err := Locked(inst); err != nil || got != want {
			t.Errorf("%s: locked %t, %v", when, got, err)
		}
	}
	expect("nothing there", false)
	lock, err := Lock(inst)
	if err != nil {
		t.Fatal(err)
	}
	expect("with a daemon", true)
	if _, err := Lock(inst); !errors.Is(err, ErrRunning) {
		t.Errorf("a second daemon: %v", err)
	}
	if err := Without(inst, func() error { t.Error("done beside a daemon"); return nil }); !errors.Is(err, ErrRunning) {
		t.Errorf("beside a daemon: %v", err)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	if err := Without(inst, func() error { expect("meanwhile", true); return broken }); !errors.Is(err, broken) {
		t.Errorf("an error is lost: %v", err)
	}
	expect("afterwards", false)
}
