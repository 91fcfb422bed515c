// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/textfile"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

func TestVMLogs(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("RDD_INSTANCE", "t")
	dir := vmdir.In(filepath.Join(home, ".rdt", "lima"), "dev")
	if err := os.MkdirAll(string(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{dir.HostagentStderr(): "running\n", dir.Serial(): "boot\n\xff\x1b[0mlogin: "} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		kinds string
		lines int
		want  string
		err   string
	}{
		{"hostagent,serial", -1, "hostagent: running\nserial: boot\nserial: \xff\x1b[0mlogin: \n", ""},
		{"serial", -1, "boot\n\xff\x1b[0mlogin: ", ""},
		{"serial", 1, "\xff\x1b[0mlogin: ", ""},
		{"qemu", -1, "", `LimaVM "dev" has no log qemu yet: it was never started`},
	} {
		var out strings.Builder
		kinds := newKindsFlag(logKinds(onDisk()))
		if err := kinds.Set(tt.kinds); err != nil {
			t.Fatal(err)
		}
		s := onDisk()
		s.Out = &out
		err := printLogs(t.Context(), s, "dev", kinds.chosen, textfile.TailOptions{Lines: tt.lines})
		if out.String() != tt.want || (err == nil) != (tt.err == "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s: got %q, %v", tt.kinds, out.String(), err)
		}
	}
}

func TestKindsFlag(t *testing.T) {
	kinds := logKinds(onDisk())
	k := newKindsFlag(kinds)
	if err := k.Set("all"); err != nil || len(k.chosen) != len(kinds) {
		t.Errorf("all: %v, %v", k, err)
	}
	if err := k.Set("serial,console"); err == nil || !strings.Contains(err.Error(), "hostagent,serial,events,qemu") {
		t.Errorf("an unknown kind: %v", err)
	}
}

// onDisk is a session whose engine has its instances in their directories.
func onDisk() *session.Session {
	return &session.Session{Engine: func(inst instance.Instance) vm.Engine { return qemu.New(qemu.Config{LimaHome: inst.LimaHome()}) }}
}
