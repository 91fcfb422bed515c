// SPDX-License-Identifier: Apache-2.0

package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestMoveFindsOut: a rename that was reported and not done is an error. One that was done is none,
// whatever another process has done with the new name since.
func TestMoveFindsOut(t *testing.T) {
	for name, tc := range map[string]struct {
		rename func(from, to string) error
		want   error
	}{
		"done":       {os.Rename, nil},
		"not done":   {func(string, string) error { return nil }, errNotDone},
		"taken away": {func(from, to string) error { return errors.Join(os.Rename(from, to), os.Remove(to)) }, nil},
		"replaced": {func(from, to string) error {
			return errors.Join(os.Rename(from, to), Write(to, []byte("other"), 0o600))
		}, nil},
		"of a hard link": {func(from, to string) error { return errors.Join(os.Link(from, to), os.Rename(from, to)) }, nil},
	} {
		dir := t.TempDir()
		from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
		if err := os.WriteFile(from, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := move(from, to, tc.rename); !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, want %v", name, err, tc.want)
		}
	}
}
