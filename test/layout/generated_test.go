// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestGeneratedFilesAreFresh generates again and compares. Where it fails, run make generate.
func TestGeneratedFilesAreFresh(t *testing.T) {
	root, out := filepath.Join("..", ".."), t.TempDir()
	cmd := exec.Command(filepath.Join(root, "scripts", "generate"), out)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("scripts/generate: %v\n%s", err, text)
	}
	pairs := map[string]string{
		"app/zz_generated.deepcopy.go":  "api/app/v1alpha1/zz_generated.deepcopy.go",
		"lima/zz_generated.deepcopy.go": "api/lima/v1alpha1/zz_generated.deepcopy.go",
		"rdd/zz_generated.deepcopy.go":  "api/rdd/v1alpha1/zz_generated.deepcopy.go",
	}
	crds, err := filepath.Glob(filepath.Join(out, "crds", "*.yaml"))
	if err != nil || len(crds) < 3 {
		t.Fatalf("scripts/generate made %d CRDs: %v", len(crds), err)
	}
	for _, crd := range crds {
		pairs[filepath.Join("crds", filepath.Base(crd))] = filepath.Join("api", "crds", filepath.Base(crd))
	}
	for fresh, kept := range pairs {
		want, err := os.ReadFile(filepath.Join(out, fresh))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(root, kept))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is stale (%v): run make generate", kept, err)
		}
	}
}
