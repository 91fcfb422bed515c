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
