// SPDX-License-Identifier: Apache-2.0

package template

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseRefuses(t *testing.T) {
	testRefusals(t, []refusal{
		{"empty", "", noTemplate + "it is empty"},
		{"only a comment", "# x\n", noTemplate + "it is empty"},
		{"list", "- a\n", noTemplate + "it is not a YAML mapping, which is made of lines such as `cpus: 2` (line 1, column 1)"},
		{"text", "cpus\n", noTemplate + "it is not a YAML mapping, which is made of lines such as `cpus: 2` (line 1, column 1)"},
		{"syntax", "a: 1\nb: c: d\n", noTemplate + "mapping values are not allowed in this context (line 2, column 5)"},
		{"open quote", "a: \"x\n", noTemplate + "found unexpected end of stream (line 2, column 1)"},
		{"open list", "a: [1,\nb: 2\n", noTemplate + "did not find expected ',' or ']' (line 3, column 1)"},
		{"two documents", "cpus: 1\n---\ncpus: 2\n", noTemplate + "it holds more than one YAML document (line 2, column 1)"},
		{"control character", "a: b\nc: \x01", noTemplate + "it holds a control character, 0x01 (line 2, column 4)"},
		{"tab", "a:\n\tb: 1\n", noTemplate + "there is a tab; YAML is indented with spaces (line 2, column 1)"},
		{"tab in a block", "a: |\n\tx\n", noTemplate + "there is a tab; YAML is indented with spaces (line 2, column 1)"},
		{"tab after spaces", "a:\n  \tb: 1\n", noTemplate + "there is a tab; YAML is indented with spaces (line 2, column 3)"},
		{"no UTF-8", "a: 1\nä: ü\xff\n", noTemplate + "it is not UTF-8 text: byte 0xff (line 2, column 5)"},
		{"UTF-16", "\xff\xfea\x00:\x00", noTemplate + "it is not UTF-8 text: byte 0xff (line 1, column 1)"},
		{
			"anchor", "arch: &a x86_64\nvmType: *a\n",
			noTemplate + "the anchor &a is not read: write the value out where it is used (line 1, column 7)",
		},
		{
			"alias of nothing", "vmType: *a\n",
			noTemplate + "unknown anchor 'a' referenced, and aliases are not read: write the value out (line 1, column 9)",
		},
		{"merge key", "<<: {cpus: 1}\n", noTemplate + "the merge key << is not read: write the values out, or use `base` (line 1, column 1)"},
		{"tag", "message: !secret x\n", noTemplate + "the tag !secret is not read (line 1, column 10)"},
		{"tag of a mapping", "env: !!set {a}\n", noTemplate + "the tag !!set is not read (line 1, column 6)"},
		{"too long", "# " + strings.Repeat("x", 2<<20), noTemplate + "it is 2097154 bytes long; a template has at most 1048576"},
		{
			"too deep, flow", "a: " + strings.Repeat("[", 3000),
			noTemplate + "it has more than 20 mappings and lists in one another (line 1, column 24)",
		},
		{
			"too deep, block", "a:\n" + strings.Repeat("- ", 3000),
			noTemplate + "it has more than 20 mappings and lists in one another (line 2, column 41)",
		},
	})
}

// TestParseIsLinear loads large texts of the kinds that make naive readers slow; a reader whose
// work grows with the square of the length does not come to an end here.
func TestParseIsLinear(t *testing.T) {
	fill := func(part string) string { return strings.Repeat(part, MaxSize/4/len(part)) }
	var keys strings.Builder
	for i := 0; keys.Len() < MaxSize/4; i++ {
		fmt.Fprintf(&keys, "  K%d:\n", i)
	}
	for name, text := range map[string]string{
		"keys": "env:\n" + keys.String(), "comments": fill("# c\n"), "list": "images: [" + fill("1,") + "]",
		"colons": fill("a:"), "anchors": fill("&a "), "tags": fill("! "), "questions": fill("? "), "quotes": fill("'' "),
		"spaces": "a:" + fill(" "), "lines": "message: |\n" + fill("\n"), "commented list": "images:\n" + fill("- x # c\n"),
		"documents": fill("---\n"), "braces": fill("{}"), "bytes": fill("\xff"), "expressions": minimal + "message: '" + fill("{{.Nome}}") + "'",
		"open": minimal + "message: '" + fill("{{") + "'",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Load([]byte(text), nil, testHost); err == nil {
				t.Error("it was accepted")
			} else if len(err.Error()) > 2000 {
				t.Errorf("the message has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestTabAt(t *testing.T) {
	for _, tt := range []struct {
		text         string
		line, column int
		want         bool
	}{
		{"a\n\tb", 2, 1, true}, {"a\n\tb", 1, 1, false}, {"a", 0, 1, false}, {"a", 7, 1, false}, {"  \t", 1, 2, false}, {"  \t", 1, 9, true},
	} {
		if got := tabAt([]byte(tt.text), tt.line, tt.column); got != tt.want {
			t.Errorf("tabAt(%q, %d, %d) = %v", tt.text, tt.line, tt.column, got)
		}
	}
}

func TestPosition(t *testing.T) {
	line, column := position([]byte("a\näöü!"), len("a\näö"))
	if line != 2 || column != 3 {
		t.Errorf("got line %d, column %d", line, column)
	}
}
