// SPDX-License-Identifier: Apache-2.0

package vmdir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
)

// claimed is a directory as Claim makes it.
func claimed(t *testing.T) Dir {
	t.Helper()
	home := Home(t.TempDir())
	if err := home.Claim("x", record("a"), []byte("template")); err != nil {
		t.Fatal(err)
	}
	return In(string(home), "x")
}

func TestRecordIsReadFromEitherFile(t *testing.T) {
	for name, path := range map[string]func(Dir) string{"record": Dir.RecordFile, "copy": Dir.RecordCopy} {
		for _, content := range []string{"", "{", "{}", "null", "[]", `{"engine":"qemu"}`} {
			d := claimed(t)
			if err := os.WriteFile(path(d), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			if got, err := d.ReadRecord(); err != nil || got.Owner.UID != "a" {
				t.Errorf("%s %q: %+v, %v", name, content, got, err)
			}
			repaired, err := d.RepairRecord()
			if err != nil || repaired != path(d) || !d.RecordWhole() {
				t.Errorf("%s %q: repaired %q, %v", name, content, repaired, err)
			}
			kept, err := filepath.Glob(path(d) + ".damaged-*")
			if err != nil || (len(kept) == 1) != (content != "") {
				t.Errorf("%s %q: kept %q, %v", name, content, kept, err)
			}
			if repaired, err := d.RepairRecord(); err != nil || repaired != "" {
				t.Errorf("%s %q: repaired again: %q, %v", name, content, repaired, err)
			}
		}
	}
}

// TestTheRecordDecides: a copy that differs, because a write was interrupted, is written again. So
// is one that is missing, in the directory of an older rdd.
func TestTheRecordDecides(t *testing.T) {
	d := claimed(t)
	for _, change := range []func() error{
		func() error { return writeJSON(d.RecordCopy(), record("b")) }, func() error { return os.Remove(d.RecordCopy()) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if got, err := d.ReadRecord(); err != nil || got.Owner.UID != "a" || d.RecordWhole() {
			t.Errorf("%+v, %v", got, err)
		}
		if repaired, err := d.RepairRecord(); err != nil || repaired != "" || !d.RecordWhole() {
			t.Errorf("repaired %q, %v", repaired, err)
		}
	}
}

func TestWhatIsForeignAndWhatIsDamaged(t *testing.T) {
	write := func(names ...string) func(Dir) error {
		return func(d Dir) error {
			var errs []error
			for _, name := range names {
				errs = append(errs, os.WriteFile(filepath.Join(string(d), name), []byte("{"), 0o600))
			}
			return errors.Join(errs...)
		}
	}
	for name, test := range map[string]struct {
		prepare func(Dir) error
		damaged bool
	}{
		"empty":                     {write(), false},
		"another program's":         {write("lima.yaml", "disk", "ha.sock"), false},
		"only the record":           {write("rdd.json"), true},
		"only the copy":             {write("rdd.json.bak"), true},
		"without both":              {write("created", "disk"), true},
		"while being made":          {write("work.lock"), true},
		"another engine's":          {func(d Dir) error { return writeJSON(d.RecordFile(), Record{Engine: "limactl"}) }, false},
		"another file of that name": {func(d Dir) error { return os.WriteFile(d.RecordFile(), []byte(`{"owner":{"uid":"x"}}`), 0o600) }, false},
		"a directory for it":        {func(d Dir) error { return os.Mkdir(d.RecordFile(), 0o700) }, true},
	} {
		d := Dir(t.TempDir())
		if err := test.prepare(d); err != nil {
			t.Fatal(err)
		}
		_, err := d.ReadRecord()
		var damaged *vm.DamagedError
		if errors.As(err, &damaged) != test.damaged || errors.Is(err, ErrForeign) == test.damaged || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Dir(file).ReadRecord(); !errors.Is(err, ErrForeign) {
		t.Errorf("a file: %v", err)
	}
}

func TestSetAside(t *testing.T) {
	home := Home(t.TempDir())
	for range 3 {
		if err := home.Claim("x", record("a"), nil); err != nil {
			t.Fatal(err)
		}
		path, err := home.SetAside("x")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Dir(path).ReadRecord(); err != nil || got.Owner.UID != "a" {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if names, err := home.Instances(); err != nil || len(names) != 0 {
		t.Errorf("instances %q, %v", names, err)
	}
	if paths, err := home.Aside(); err != nil || len(paths) != 3 {
		t.Errorf("set aside: %q, %v", paths, err)
	}
}
