// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

func TestTail(t *testing.T) {
	for _, tc := range []struct{ name, content, want string }{
		{"nothing", "", "(none)"},
		{"blank lines", "\n\r\n\n", "(none)"},
		{"fewer lines", "one\r\ntwo", "one\ntwo"},
		{"the last ones", "1\n2\n3\n4\n5\n", "3\n4\n5"},
		{"terminal sequences", "\x1b[!p\x1b]104\x07\x1b[?7h\x1b[0;32mOK\x1b[0m done\x1b(B\n", "OK done"},
		{"not text", "a\x00b\xffc\n", "abc"},
		{"longer than what is read", strings.Repeat("x", 2*tailBytes) + "\nend\n", strings.Repeat("x", tailBytes-len("\nend\n")) + "\nend"},
	} {
		path := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(path, []byte(tc.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := tail(path, 3); got != tc.want {
			t.Errorf("%s: got %.100q, want %.100q", tc.name, got, tc.want)
		}
	}
	if got := tail(filepath.Join(t.TempDir(), "none"), 3); got != "(none)" {
		t.Errorf("no file: %q", got)
	}
}

func TestBootFailure(t *testing.T) {
	dir := vmdir.Dir(t.TempDir())
	a := &agent{Config: Config{Dir: dir}}
	for console, want := range map[string]string{
		"":                                       "",
		"systemd starting":                       "",
		"x\nrdd-initrd: no disk; powering off\n": "rdd-initrd: no disk; powering off",
		"x\r\nrdd: the boot script failed: 3\r\nline\r\n": "rdd: the boot script failed: 3\nline",
	} {
		if err := os.WriteFile(dir.Serial(), []byte(console), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := a.bootFailure(); got != want {
			t.Errorf("%q: got %q, want %q", console, got, want)
		}
	}
}

func TestStopRequests(t *testing.T) {
	for _, tc := range []struct {
		requests []vm.StopMode
		counted  []bool
		force    bool
	}{
		{[]vm.StopMode{vm.StopShutdown, vm.StopShutdown}, []bool{true, false}, false},
		{[]vm.StopMode{vm.StopShutdown, vm.StopForce, vm.StopForce}, []bool{true, true, false}, true},
		{[]vm.StopMode{vm.StopForce, vm.StopShutdown}, []bool{true, false}, true},
	} {
		s := newStopRequests()
		ctx, cancel := s.context(t.Context())
		defer cancel()
		if s.requested() || ctx.Err() != nil {
			t.Error("requested before it was")
		}
		for i, mode := range tc.requests {
			if got := s.add(mode); got != tc.counted[i] {
				t.Errorf("%v: request %d counted: %v", tc.requests, i, got)
			}
		}
		<-ctx.Done()
		if !s.requested() || s.isForce() != tc.force {
			t.Errorf("%v: requested %v, force %v", tc.requests, s.requested(), s.isForce())
		}
	}
}
