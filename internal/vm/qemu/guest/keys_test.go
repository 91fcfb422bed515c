// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestRepairKey(t *testing.T) {
	for name, test := range map[string]struct {
		path   string
		damage func(path string) error
		// same: the private key stays.
		same, repaired bool
	}{
		"nothing":          {"key", func(string) error { return nil }, true, false},
		"public removed":   {"key.pub", os.Remove, true, true},
		"public damaged":   {"key.pub", func(path string) error { return os.WriteFile(path, []byte("x"), 0o600) }, true, true},
		"private removed":  {"key", os.Remove, false, true},
		"private emptied":  {"key", func(path string) error { return os.WriteFile(path, nil, 0o600) }, false, true},
		"private damaged":  {"key", func(path string) error { return os.WriteFile(path, []byte("x"), 0o600) }, false, true},
		"private replaced": {"key", func(path string) error { return replaceByDirectory(path) }, false, true},
	} {
		dir := t.TempDir()
		key := filepath.Join(dir, "key")
		if err := MakeKey(key, "c"); err != nil {
			t.Fatal(err)
		}
		before, err := ReadKeys(key, key)
		if err != nil {
			t.Fatal(err)
		}
		if err := test.damage(filepath.Join(dir, test.path)); err != nil {
			t.Fatal(err)
		}
		repaired, err := RepairKey(key, "c")
		if err != nil || repaired != test.repaired {
			t.Errorf("%s: repaired %t, %v", name, repaired, err)
		}
		after, err := ReadKeys(key, key)
		if err != nil || (after == before) != test.same {
			t.Errorf("%s: the same keys: %t, %v", name, after == before, err)
		}
		if again, err := RepairKey(key, "c"); again || err != nil {
			t.Errorf("%s: repaired again, %v", name, err)
		}
		if known, err := KnownHosts(key, 22); err != nil || !bytes.Contains(known, []byte(after.Authorized)) {
			t.Errorf("%s: the halves differ: %q, %v", name, known, err)
		}
	}
}

func replaceByDirectory(path string) error {
	if err := os.Remove(path); err != nil {
		return err
	}
	return os.MkdirAll(filepath.Join(path, "x"), 0o700)
}
