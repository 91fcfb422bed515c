// SPDX-License-Identifier: Apache-2.0

package checksum

import (
	"bytes"
	"errors"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	for _, value := range []string{"", "v", "k8s\x00protobuf", `{"kind":"ConfigMap"}`, "rdd:sum1:nested"} {
		got, summed, err := Remove("/key", Add("/key", []byte(value)))
		if err != nil || !summed || string(got) != value {
			t.Errorf("%q came back as %q, %t, %v", value, got, summed, err)
		}
	}
}

// TestPlain are values from before there were checksums.
func TestPlain(t *testing.T) {
	for _, value := range []string{"", "k8s\x00protobuf", `{"kind":"ConfigMap"}`, "rdd:sum"} {
		got, summed, err := Remove("/key", []byte(value))
		if err != nil || summed || string(got) != value {
			t.Errorf("%q came back as %q, %t, %v", value, got, summed, err)
		}
	}
}

// TestDamage flips every bit and cuts at every byte behind the prefix; a value moved to another key
// is damage as well.
func TestDamage(t *testing.T) {
	stored := Add("/key", []byte("some value"))
	for i := len(prefix); i < len(stored); i++ {
		if _, _, err := Remove("/key", stored[:i]); !errors.Is(err, ErrMismatch) {
			t.Errorf("cut at %d: %v", i, err)
		}
		for bit := range 8 {
			flipped := bytes.Clone(stored)
			flipped[i] ^= 1 << bit
			if _, _, err := Remove("/key", flipped); !errors.Is(err, ErrMismatch) {
				t.Errorf("bit %d of byte %d flipped: %v", bit, i, err)
			}
		}
	}
	for _, key := range []string{"/kez", "/ke", ""} {
		if _, _, err := Remove(key, stored); !errors.Is(err, ErrMismatch) {
			t.Errorf("under %q: %v", key, err)
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	value := make([]byte, 2048)
	b.SetBytes(int64(len(value)))
	for b.Loop() {
		Add("/registry/configmaps/default/some-name", value)
	}
}

func BenchmarkRemove(b *testing.B) {
	stored := Add("/key", make([]byte, 2048))
	b.SetBytes(int64(len(stored)))
	for b.Loop() {
		if _, _, err := Remove("/key", stored); err != nil {
			b.Fatal(err)
		}
	}
}
