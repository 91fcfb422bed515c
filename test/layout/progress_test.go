// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// seconds are how long a build has taken.
var seconds = regexp.MustCompile(`(packages, |linking, )[0-9]+s`)

// TestProgressOfABuild: what go build prints becomes a count; errors and downloads are passed on.
func TestProgressOfABuild(t *testing.T) {
	for name, tc := range map[string]struct{ total, in, want string }{
		"nothing to compile": {"0", "", ""},
		"packages": {
			"3", "internal/abi\ngithub.com/a-b/c_d/v2\nrancherdesktop.io/rdd/cmd/rdd\n",
			"build: 1 of 3 packages, 0s: internal/abi\nbuild: 2 of 3 packages, 0s: github.com/a-b/c_d/v2\n" +
				"build: compiled 3 packages, linking, 0s\n",
		},
		"more than were counted": {"1", "a\nb\n", "build: compiled 1 packages, linking, 0s\nbuild: compiled 2 packages, linking, 0s\n"},
		"errors and downloads": {
			"9", "go: downloading a v1.0.0\na\n# a\na/x.go:1:2: undefined: y",
			"go: downloading a v1.0.0\nbuild: 1 of 9 packages, 0s: a\n# a\na/x.go:1:2: undefined: y\n",
		},
		"an error of several lines": {
			"9", "a\n# a\na/x.go:1:2: missing return\n\thave (int)\n    want ()  \n",
			"build: 1 of 9 packages, 0s: a\n# a\na/x.go:1:2: missing return\n\thave (int)\n    want ()  \n",
		},
	} {
		cmd := exec.Command("../../scripts/progress", tc.total)
		cmd.Env = append(os.Environ(), "RDD_PROGRESS_SECONDS=0")
		cmd.Stdin = strings.NewReader(tc.in)
		out, err := cmd.CombinedOutput()
		// On a loaded machine it takes a second or more.
		got := seconds.ReplaceAllString(string(out), "${1}0s")
		if err != nil || got != tc.want {
			t.Errorf("%s: %v, %q, want %q", name, err, got, tc.want)
		}
	}
}

// TestProgressWithAnOldBash: before version 4, a read that ends in time cannot be told from the end
// of its input.
func TestProgressWithAnOldBash(t *testing.T) {
	script, err := os.ReadFile("../../scripts/progress")
	if err != nil {
		t.Fatal(err)
	}
	old := strings.ReplaceAll(string(script), "${BASH_VERSINFO[0]}", "3")
	cmd := exec.Command("bash", "-c", old, "progress", "9")
	cmd.Env = append(os.Environ(), "RDD_PROGRESS_SECONDS=0")
	const in = "a\n# a\n\twant ()"
	cmd.Stdin = strings.NewReader(in)
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != in {
		t.Errorf("%v, %q, want %q", err, out, in)
	}
}
