// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryCodeIsTestedAndDescribed: a code is a promise to programs, so each is the outcome of a
// test and stands in the documentation.
func TestEveryCodeIsTestedAndDescribed(t *testing.T) {
	read := func(path ...string) string {
		data, err := os.ReadFile(filepath.Join(path...))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	docs := read("..", "..", "..", "..", "docs", "cli", "status-why.md")
	tests := read("cause_test.go")
	codes := regexp.MustCompile(`(?m)^\t(Code\w+)\s+= "(\w+)"$`).FindAllStringSubmatch(read("cause.go"), -1)
	if len(codes) < 30 {
		t.Fatalf("only %d codes found: the search is broken", len(codes))
	}
	for _, code := range codes {
		if !regexp.MustCompile(`wanted\{\s*` + code[1] + `,`).MatchString(tests) {
			t.Errorf("no test ends in %s", code[1])
		}
		if !strings.Contains(docs, "`"+code[2]+"`") {
			t.Errorf("the documentation lacks %s", code[2])
		}
	}
}
