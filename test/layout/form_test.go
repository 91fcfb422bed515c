// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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

func TestEverySourceFileHasALicenceLine(t *testing.T) {
	root := filepath.Join("..", "..")
	files := 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == ".git" || path == filepath.Join(root, "bin")) {
			return filepath.SkipDir
		}
		if entry.IsDir() || !isSource(path) {
			return nil
		}
		files++
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		head := strings.SplitN(string(data), "\n", 4)
		if !strings.Contains(strings.Join(head[:min(3, len(head))], "\n"), "SPDX-License-Identifier: Apache-2.0") {
			t.Errorf("%s: no SPDX line", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 20 {
		t.Fatalf("only %d source files found: the walk is broken", files)
	}
}

func isSource(path string) bool {
	switch filepath.Ext(path) {
	case ".go", ".sh", ".service":
		return true
	}
	dir := filepath.Base(filepath.Dir(path))
	return dir == "scripts" || dir == ".ci" || filepath.Base(path) == "Makefile"
}
