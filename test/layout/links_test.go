// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"rancherdesktop.io/rdd/tools/figures/measure"
)

// link matches a Markdown link, or code, in which there are no links.
var link = regexp.MustCompile("`[^`]*`|\\]\\(([^)\\s]+)\\)")

// TestLinksLeadSomewhere follows the links between the pages, to files and to headings.
func TestLinksLeadSomewhere(t *testing.T) {
	root := filepath.Join("..", "..")
	files, err := measure.Files(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	anchors, links := map[string]map[string]bool{}, 0
	for _, f := range files {
		if f.Kind == measure.Markdown {
			anchors[f.Path] = anchorsOf(f.Lines())
		}
	}
	for _, f := range files {
		if f.Kind != measure.Markdown {
			continue
		}
		for _, match := range link.FindAllStringSubmatch(string(f.Data), -1) {
			if target := match[1]; target != "" && !strings.Contains(target, "://") {
				links++
				checkLink(t, root, f.Path, target, anchors)
			}
		}
	}
	if links < 50 {
		t.Errorf("only %d links found: this test searches for the wrong pattern", links)
	}
}

func checkLink(t *testing.T, root, page, target string, anchors map[string]map[string]bool) {
	t.Helper()
	name, anchor, _ := strings.Cut(target, "#")
	to := page
	if name != "" {
		to = filepath.ToSlash(filepath.Join(filepath.Dir(page), name))
	}
	if _, err := os.Stat(filepath.Join(root, to)); err != nil {
		t.Errorf("%s: %s: there is no such file", page, target)
		return
	}
	if anchor != "" && !anchors[to][anchor] {
		t.Errorf("%s: %s: there is no such heading", page, target)
	}
}

// anchorsOf are the names that a page's headings have in links.
func anchorsOf(lines []string) map[string]bool {
	anchors, code := map[string]bool{}, false
	for _, line := range lines {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			code = !code
		}
		if marks := strings.TrimLeft(line, "#"); !code && marks != line && strings.HasPrefix(marks, " ") {
			anchors[anchorOf(strings.TrimSpace(marks))] = true
		}
	}
	return anchors
}

// anchorOf returns the anchor that GitHub gives a heading.
func anchorOf(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
}

func TestAnchorOf(t *testing.T) {
	tests := map[string]string{
		"Tests":                           "tests",
		"A guest without KVM":             "a-guest-without-kvm",
		"`rdd set`, step by step":         "rdd-set-step-by-step",
		"Where do I change …?":            "where-do-i-change-",
		"On disk: `~/.rd<instance>/NAME`": "on-disk-rdinstancename",
	}
	for heading, want := range tests {
		if got := anchorOf(heading); got != want {
			t.Errorf("%q: got %q, want %q", heading, got, want)
		}
	}
}
