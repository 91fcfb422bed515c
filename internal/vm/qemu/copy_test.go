// SPDX-License-Identifier: Apache-2.0

//go:build linux

package qemu_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
)

// TestCopyToHost: files of the guest are there when the machine is Running, and those that go with
// it are gone when it is stopped.
func TestCopyToHost(t *testing.T) {
	h, dir := newFakeHost(t), t.TempDir()
	e := h.engine(t)
	source := filepath.Join(dir, "it's in the guest")
	must(t, os.WriteFile(source, []byte("content\n"), 0o644))
	must(t, e.Apply(t.Context(), spec(guestTemplate+fmt.Sprintf(`copyToHost:
- {guest: "%[1]s", host: "{{.Dir}}/copied-from-guest/a", deleteOnStop: true}
- {guest: "%[1]s", host: "%[2]s/new/kept"}
- {guest: "%[2]s/none", host: "%[2]s/none.copy", skipIfMissing: true}
`, source, dir))))
	await(t, e, "created", in(vm.PhaseStopped))
	must(t, e.Start(t.Context(), owner, "x"))
	await(t, e, "running", in(vm.PhaseRunning))
	copied, kept := filepath.Join(string(h.dir()), "copied-from-guest", "a"), filepath.Join(dir, "new", "kept")
	for _, path := range []string{copied, kept} {
		info, err := os.Stat(path)
		must(t, err)
		if text, err := os.ReadFile(path); err != nil || string(text) != "content\n" || info.Mode() != 0o600 {
			t.Errorf("%s: %q, %v, %v", path, text, info.Mode(), err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "none.copy")); !os.IsNotExist(err) {
		t.Errorf("copied from nothing: %v", err)
	}
	must(t, e.Stop(t.Context(), owner, "x", vm.StopShutdown))
	await(t, e, "stopped", in(vm.PhaseStopped))
	if _, err := os.Stat(copied); !os.IsNotExist(err) {
		t.Errorf("left behind: %v", err)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Errorf("removed: %v", err)
	}
}

func TestCopyOfNothing(t *testing.T) {
	h, dir := newFakeHost(t), t.TempDir()
	e := h.engine(t)
	must(t, e.Apply(t.Context(), spec(guestTemplate+fmt.Sprintf("copyToHost: [{guest: %[1]s/none, host: %[1]s/copy}]\n", dir))))
	await(t, e, "created", in(vm.PhaseStopped))
	must(t, e.Start(t.Context(), owner, "x"))
	state := await(t, e, "failed", func(s vm.State, err error) bool { return err == nil && s.Failure != nil })
	if f := state.Failure.Fault; f.Field != "copyToHost[0]" || !strings.Contains(f.Text, "there is no such file in the guest") {
		t.Errorf("got %+v", f)
	}
}

// TestChangedFiles: steps of mode yq set values, and keep what else is in the file.
func TestChangedFiles(t *testing.T) {
	h, dir := newFakeHost(t), t.TempDir()
	e := h.engine(t)
	old, made := filepath.Join(dir, "old.json"), filepath.Join(dir, "new", "x.conf")
	must(t, os.WriteFile(old, []byte(`{"z": 1}`), 0o644))
	who := fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid())
	must(t, e.Apply(t.Context(), spec(guestTemplate+fmt.Sprintf(`provision:
- {mode: yq, path: %s, owner: "%[3]s", permissions: "600", expression: '.a.b = "{{.Name}}" | .c = true'}
- {mode: yq, path: %[2]s, owner: "%[3]s", expression: .A.b = 1}
`, old, made, who))))
	await(t, e, "created", in(vm.PhaseStopped))
	must(t, e.Start(t.Context(), owner, "x"))
	await(t, e, "running", in(vm.PhaseRunning))
	for path, want := range map[string]string{
		old: "{\n  \"z\": 1,\n  \"a\": {\n    \"b\": \"x\"\n  },\n  \"c\": true\n}\n", made: "[A]\nb=1\n",
	} {
		if text, err := os.ReadFile(path); err != nil || string(text) != want {
			t.Errorf("%s: %q, %v", path, text, err)
		}
	}
	if info, err := os.Stat(old); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}
