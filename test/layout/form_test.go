// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"os"
	"path/filepath"
	"testing"

	"rancherdesktop.io/rdd/tools/figures/measure"
)

// TestLinesAreNotTooLong refuses code beyond 140 columns, and comments and documentation
// beyond 100.
func TestLinesAreNotTooLong(t *testing.T) {
	files, err := measure.Files(os.DirFS(filepath.Join("..", "..")))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		lines, err := measure.TooLong(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lines {
			t.Error(l)
		}
	}
}
