// SPDX-License-Identifier: Apache-2.0

package sparse_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"rancherdesktop.io/rdd/internal/sparse"
)

func TestWriter(t *testing.T) {
	text := []byte("text")
	for name, want := range map[string][]byte{
		"empty": {}, "no zeros": text, "zeros only": make([]byte, 200_000), "zeros at the end": append(text, make([]byte, 100_000)...),
		"zeros before": append(make([]byte, 100_000), text...), "in between": append(append(text, make([]byte, 150_000)...), text...),
	} {
		f, err := os.Create(filepath.Join(t.TempDir(), "file"))
		if err != nil {
			t.Fatal(err)
		}
		w := sparse.NewWriter(f, f)
		for rest := want; len(rest) > 0; {
			n, err := w.Write(rest[:min(len(rest), 30_001)])
			if err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := w.Finish(); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(f.Name()); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: got %d bytes, %v, want %d", name, len(got), err, len(want))
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
