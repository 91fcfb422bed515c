// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// TestDirectories: what lies in LIMA_HOME, whoever made it.
func TestDirectories(t *testing.T) {
	e := New(Config{LimaHome: t.TempDir()})
	for name, record := range map[string]string{
		"old":     `{"engine":"qemu","owner":{"uid":"2","namespace":"work","name":"old"},"spec":{"params":{"size":"3"}}}`,
		"foreign": "", "other": `{"engine":"limactl"}`, "damaged": "{", ".staging": "", "_config": "",
	} {
		dir := vmdir.In(e.config.LimaHome, name)
		if err := os.Mkdir(string(dir), 0o700); err != nil {
			t.Fatal(err)
		}
		if record == "" {
			continue
		}
		if err := os.WriteFile(dir.RecordFile(), []byte(record), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all, err := e.Directories(t.Context())
	if err != nil || len(all) != 4 {
		t.Fatalf("got %+v, %v", all, err)
	}
	damaged, foreign, old, other := all[0], all[1], all[2], all[3]
	if damaged.Damage == nil || !strings.Contains(damaged.Damage.Error(), "rdd.json") || damaged.Foreign {
		t.Errorf("damaged: %+v", damaged)
	}
	if !foreign.Foreign || foreign.Damage != nil || foreign.Path != filepath.Join(e.config.LimaHome, "foreign") || !other.Foreign {
		t.Errorf("foreign: %+v, %+v", foreign, other)
	}
	want := vm.Owner{UID: "2", Namespace: "work", Name: "old"}
	if old.Owner != want || old.Params["size"] != "3" || old.Alive || old.TemplateFile != filepath.Join(old.Path, "lima.yaml") {
		t.Errorf("old: %+v", old)
	}
	for _, name := range []string{"none", "../" + filepath.Base(e.config.LimaHome), ""} {
		if _, err := e.Directory(t.Context(), name); !errors.Is(err, vm.ErrNotFound) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if all, err := New(Config{LimaHome: filepath.Join(e.config.LimaHome, "none")}).Directories(t.Context()); all != nil || err != nil {
		t.Errorf("without a directory: %v, %v", all, err)
	}
}
