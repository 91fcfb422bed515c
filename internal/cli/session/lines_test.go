// SPDX-License-Identifier: Apache-2.0

package session

import (
	"strings"
	"testing"
)

func TestPrefixed(t *testing.T) {
	var out strings.Builder
	p := &PrefixWriter{Prefix: "x: ", Out: &out}
	for _, part := range []string{"one", " more\ntw", "o\nthree\n", "fo"} {
		if n, err := p.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	if out.String() != "x: one more\nx: two\nx: three\n" {
		t.Errorf("got %q", out.String())
	}
	if err := p.Flush(); err != nil || !strings.HasSuffix(out.String(), "x: fo\n") {
		t.Errorf("got %q, %v", out.String(), err)
	}
	if err := p.Flush(); err != nil || strings.HasSuffix(out.String(), "x: \n") {
		t.Errorf("got %q, %v", out.String(), err)
	}
}

// TestPrefixedLineWithoutEnd: a guest that ends no line is printed in pieces.
func TestPrefixedLineWithoutEnd(t *testing.T) {
	var out strings.Builder
	p := &PrefixWriter{Prefix: "x: ", Out: &out}
	for range 10 {
		if _, err := p.Write([]byte(strings.Repeat("y", longestLine/4))); err != nil {
			t.Fatal(err)
		}
		if len(p.rest) > longestLine {
			t.Fatalf("%d bytes are kept", len(p.rest))
		}
	}
	if got := strings.Count(out.String(), "x: "); got != 2 {
		t.Errorf("%d pieces", got)
	}
}
