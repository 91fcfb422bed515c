// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"os"
	"path/filepath"
	"testing"

	"rancherdesktop.io/rdd/tools/figures/measure"
)

// tolerated are how many long lines there were when the limits came; a kind that is not here has
// none.
var tolerated = map[measure.Kind]int{measure.Go: 1397, measure.Shell: 26}

// TestLinesAreNotTooLong refuses code beyond 140 columns, and comments and documentation
// beyond 100.
func TestLinesAreNotTooLong(t *testing.T) {
	files, err := measure.Files(os.DirFS(filepath.Join("..", "..")))
	if err != nil {
		t.Fatal(err)
	}
	long := map[measure.Kind][]measure.LongLine{}
	for _, f := range files {
		lines, err := measure.TooLong(f)
		if err != nil {
			t.Fatal(err)
		}
		long[f.Kind] = append(long[f.Kind], lines...)
	}
	for kind, lines := range long {
		if len(lines) <= tolerated[kind] {
			continue
		}
		for _, l := range lines {
			t.Error(l)
		}
		t.Errorf("%s: %d lines are too long, %d are tolerated", kind, len(lines), tolerated[kind])
	}
}
