// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// maxServerTests is how many test binaries may link the API server: each costs a quarter of a
// minute and 150 MB.
const maxServerTests = 3

func TestFewTestBinariesLinkTheAPIServer(t *testing.T) {
	cmd := exec.Command("go", "list", "-test", "-f", `{{.ImportPath}} {{join .Deps ","}}`, "./...")
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var linking []string
	for line := range strings.Lines(string(out)) {
		name, deps, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.HasSuffix(name, ".test") && slices.Contains(strings.Split(deps, ","), module+"internal/apiserver") {
			linking = append(linking, name)
		}
	}
	if len(linking) == 0 {
		t.Fatal("no test binary links the API server: this test searches for the wrong name")
	}
	if len(linking) > maxServerTests {
		t.Errorf("%d test binaries link the API server, at most %d may: %s", len(linking), maxServerTests, linking)
	}
}
