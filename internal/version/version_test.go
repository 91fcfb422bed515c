// SPDX-License-Identifier: Apache-2.0

package version_test

import (
	"testing"

	utilversion "k8s.io/apimachinery/pkg/util/version"

	"rancherdesktop.io/rdd/internal/version"
)

func TestNormalize(t *testing.T) {
	for text, want := range map[string]string{
		"v1.2.3":                    "v1.2.3",
		"v1.2.3-rc.1":               "v1.2.3-rc.1",
		"v1.2.3-4-gabcdef0":         "v1.2.4-0.dev.4+abcdef0",
		"v1.2.3-14-gabcdef0-dirty":  "v1.2.4-0.dev.14+abcdef0",
		"abcdef0":                   "v0.0.0-dev+abcdef0",
		"abcdef0-dirty":             "v0.0.0-dev+abcdef0-dirty",
		"dev":                       "v0.0.0-dev",
		"(devel)":                   "v0.0.0-dev",
		"":                          "v0.0.0-dev",
		"v0.0.0-20261122212620-abc": "v0.0.0-20261122212620-abc",
	} {
		if got := version.Normalize(text); got != want {
			t.Errorf("Normalize(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestOrder(t *testing.T) {
	ascending := []string{"dev", "v0.1.0", "v0.1.0-2-gabcdef0", "v0.1.0-10-g0abcdef", "v0.1.1", "v0.2.0-rc.1", "v0.2.0"}
	for i := range len(ascending) - 1 {
		older, newer := version.Normalize(ascending[i]), version.Normalize(ascending[i+1])
		if !utilversion.MustParseSemantic(older).LessThan(utilversion.MustParseSemantic(newer)) {
			t.Errorf("%s (%s) must come before %s (%s)", ascending[i], older, ascending[i+1], newer)
		}
	}
}
