// SPDX-License-Identifier: Apache-2.0

package build

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm/image"
)

// aptOutput is what mmdebstrap writes for n essential and m other packages.
func aptOutput(n, m int) string {
	var b strings.Builder
	b.WriteString("I: running apt-get update...\nGet:1 http://mirror.example.org trixie InRelease [140 kB]\n" +
		"I: downloading packages with apt...\n")
	for _, count := range []int{n, m} {
		fmt.Fprintf(&b, "0 upgraded, %d newly installed, 0 to remove and 0 not upgraded.\n", count)
		for i := range count {
			fmt.Fprintf(&b, "Get:%d http://mirror.example.org trixie/main amd64 p%d amd64 1 [1 kB]\n", i+1, i)
		}
		for i := range count {
			fmt.Fprintf(&b, "Unpacking p%d (1) ...\n", i)
		}
		for i := range count {
			fmt.Fprintf(&b, "Setting up p%d (1) ...\n", i)
		}
	}
	return b.String()
}

func TestPackageMeter(t *testing.T) {
	for _, chunk := range []int{1, 7, 4096, 1 << 20} {
		t.Run(fmt.Sprintf("chunks of %d", chunk), func(t *testing.T) {
			var seen []image.Progress
			meter := &packageMeter{report: newReporter("x", func(p image.Progress) { seen = append(seen, p) })}
			output := aptOutput(59, 81)
			for len(output) > 0 {
				n := min(chunk, len(output))
				if _, err := io.WriteString(meter, output[:n]); err != nil {
					t.Fatal(err)
				}
				output = output[n:]
			}
			checkProgress(t, seen)
			if last := seen[len(seen)-1]; last.Percent != steps[stepInstall].end || last.Index != stepInstall+1 {
				t.Errorf("ended at %+v, want the end of the step", last)
			}
		})
	}
}

// checkProgress checks that there is some and that it never goes back or beyond its step.
func checkProgress(t *testing.T, seen []image.Progress) {
	t.Helper()
	if len(seen) < 20 {
		t.Fatalf("only %d reports", len(seen))
	}
	for i, p := range seen {
		if p.Total != len(steps) || p.Percent < 0 || p.Percent > steps[p.Index-1].end || p.Since.IsZero() {
			t.Errorf("unexpected report %+v", p)
		}
		if i > 0 && (p.Percent < seen[i-1].Percent || p.Index < seen[i-1].Index) {
			t.Errorf("went back from %+v to %+v", seen[i-1], p)
		}
	}
}

func TestPackageMeterOnNonsense(t *testing.T) {
	meter := &packageMeter{report: newReporter("x", nil)}
	for _, text := range []string{"", "\n\n", "Get:\n", "Get:99999999999999999999 x\n",
		"0 upgraded, 99999999999999999999 newly installed", "\xff\xfe\n",
	} {
		if n, err := io.WriteString(meter, text); n != len(text) || err != nil {
			t.Errorf("%q: got %d, %v", text, n, err)
		}
	}
}

func TestTailBuffer(t *testing.T) {
	tail := &tailBuffer{limit: 20}
	for i := range 100 {
		fmt.Fprintf(tail, "line %d\n", i)
	}
	if got := tail.String(); got != "line 98\nline 99" {
		t.Errorf("got %q", got)
	}
	tail = &tailBuffer{limit: 20}
	fmt.Fprint(tail, strings.Repeat("x", 100))
	if got := tail.String(); got != strings.Repeat("x", 20) {
		t.Errorf("got %q", got)
	}
}
