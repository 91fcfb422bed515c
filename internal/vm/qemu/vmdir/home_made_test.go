// SPDX-License-Identifier: Apache-2.0

package vmdir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestHomeAboveIsNotMade: where the directory above is lost, no keys are written to another one in
// its place, which guests may see.
func TestHomeAboveIsNotMade(t *testing.T) {
	above := filepath.Join(t.TempDir(), "above")
	home := Home(filepath.Join(above, "lima"))
	for doing, err := range map[string]error{"making": home.Make(), "claiming": home.Claim("x", Record{}, nil)} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", doing, err)
		}
	}
	if _, err := os.Stat(above); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory above was made: %v", err)
	}
	if err := errors.Join(os.Mkdir(above, 0o700), home.Make(), home.Make()); err != nil {
		t.Error(err)
	}
}
