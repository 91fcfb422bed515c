// SPDX-License-Identifier: Apache-2.0

package template

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestLoadRefusesImages(t *testing.T) {
	image := func(more string) string { return "images:\n- location: /i\n" + more }
	testRefusals(t, []refusal{
		{"none", "cpus: 1\n", noMachine + "field `images` must have an image for `x86_64`, such as `location: rdd:docker`"},
		{"null", "images:\n", noMachine + "field `images` must have an image for `x86_64`, such as `location: rdd:docker` (line 1, column 8)"},
		{"no list", "images: docker\n", noMachine + "field `images` must be a list; got `docker` (line 1, column 9)"},
		{"no mapping", "images:\n- docker\n", noMachine + "field `images[0]` must be a mapping; got `docker` (line 2, column 3)"},
		{"null in it", "images:\n-\n", noMachine + "field `images[0]` must be a mapping; got nothing (line 2, column 2)"},
		{
			"of another arch", "images: [{location: 'rdd:docker', arch: aarch64}]",
			noMachine + "field `images` must have an image for `x86_64`, such as `location: rdd:docker` (line 1, column 9)",
		},
		{
			"unknown arch", "images:\n- {location: 'rdd:docker', arch: pdp11}",
			noMachine + "field `images[0].arch` must be one of x86_64, aarch64, armv7l, ppc64le, riscv64, s390x; got `pdp11` (line 2, column 34)",
		},
		{"no location", "images:\n- {arch: x86_64}", noMachine + "field `images[0].location` must not be empty (line 2, column 3)"},
		{
			"no host", "images: [{location: 'https:///y'}]",
			noMachine + "field `images[0].location` must be an http or https URL with a host; got `https:///y` (line 1, column 21)",
		},
		{
			"bad URL", "images: [{location: 'https://[/y'}]",
			noMachine + "field `images[0].location` must be an http or https URL with a host; got `https://[/y` (line 1, column 21)",
		},
		{
			"other scheme", "images: [{location: 'ftp://h/y'}]",
			noMachine + "field `images[0].location` must be `rdd:NAME`, an http or https URL, or a file's path that begins with `/` or `~/`; got " +
				"`ftp://h/y` (line 1, column 21)",
		},
		{
			"relative", "images: [{location: ./y}]",
			noMachine + "field `images[0].location` must be `rdd:NAME`, an http or https URL, or a file's path that begins with `/` or `~/`; got " +
				"`./y` (line 1, column 21)",
		},
		{
			"relative file URL", "images: [{location: 'file://y'}]",
			noMachine + "field `images[0].location` must be `rdd:NAME`, an http or https URL, or a file's path that begins with `/` or `~/`; got " +
				"`file://y` (line 1, column 21)",
		},
		{
			"other home", "images: [{location: ~joe/y}]",
			noMachine + "field `images[0].location` must be `rdd:NAME`, an http or https URL, or a file's path that begins with `/` or `~/`; got " +
				"`~joe/y` (line 1, column 21)",
		},
		{
			"Lima's list", "images: [{location: 'template:_images/debian-13'}]",
			noMachine + "field `images[0].location` must name an image itself: the image lists of Lima (`template:_images/debian-13`) are not " +
				"part of rdd (line 1, column 21)",
		},
		{
			"ours, bad name", "images: [{location: 'rdd:../x'}]",
			noMachine + "field `images[0].location` must be `rdd:` and the name of an image that rdd builds, such as `rdd:docker`; got `rdd:../x` " +
				"(line 1, column 21)",
		},
		{
			"ours with digest", "images:\n- location: rdd:docker\n  digest: " + sha256Digest,
			noMachine + "field `images[0].digest` must not be given for an image that rdd builds itself (line 3, column 11)",
		},
		{
			"ours with kernel", "images:\n- location: rdd:docker\n  kernel: {location: /k}",
			noMachine + "field `images[0].kernel` must not be given for an image that rdd builds: it has its own (line 3, column 11)",
		},
		{
			"ours with initrd", "images:\n- location: rdd:docker\n  initrd: {location: /k}",
			noMachine + "field `images[0].initrd` must not be given for an image that rdd builds: it has its own (line 3, column 11)",
		},
		{
			"digest without algorithm", image("  digest: " + strings.Repeat("0", 64)),
			noMachine + "field `images[0].digest` must be sha256: and 64 or sha512: and 128 hexadecimal digits in lower case; got `" +
				strings.Repeat("0", 64) + "` (line 3, column 11)",
		},
		{
			"digest of another length", image("  digest: sha512:00"),
			noMachine + "field `images[0].digest` must be sha256: and 64 or sha512: and 128 hexadecimal digits in lower case; got `sha512:00` " +
				"(line 3, column 11)",
		},
		{
			"digest in capitals", image("  digest: " + strings.ToUpper(sha256Digest[7:])),
			noMachine + "field `images[0].digest` must be sha256: and 64 or sha512: and 128 hexadecimal digits in lower case; got `" +
				strings.ToUpper(sha256Digest[7:]) + "` (line 3, column 11)",
		},
		{
			"kernel without location", image("  kernel: {cmdline: x}"),
			noMachine + "field `images[0].kernel.location` must not be empty (line 3, column 11)",
		},
		{
			"kernel of ours", image("  kernel: {location: 'rdd:docker'}"),
			noMachine + "field `images[0].kernel.location` must not be an image that rdd builds; got `rdd:docker` (line 3, column 22)",
		},
		{
			"kernel arch", image("  arch: x86_64\n  kernel: {location: /k, arch: aarch64}"),
			noMachine + "field `images[0].kernel.arch` must be the `arch` of its image, or left out; got `aarch64` (line 4, column 32)",
		},
		{
			"kernel cmdline", image("  kernel: {location: /k, cmdline: \"a\\nb\"}"),
			noMachine + `field ` + "`images[0].kernel.cmdline`" + ` must be one line of visible characters; got '\n' in it (line 3, column 35)`,
		},
		{
			"initrd alone", image("  initrd: {location: /k}"), noMachine + "field `images[0].initrd` needs a `kernel` beside it (line 3, column 11)",
		},
		{
			"initrd digest", image("  kernel: {location: /k}\n  initrd: {location: /k, digest: x}"),
			noMachine + "field `images[0].initrd.digest` must be sha256: and 64 or sha512: and 128 hexadecimal digits in lower case; got `x` " +
				"(line 4, column 34)",
		},
		{
			"initrd arch", image("  kernel: {location: /k}\n  initrd: {location: /k, arch: x86_64}"),
			noMachine + "field `images[0].initrd.arch` must be the `arch` of its image, or left out; got `x86_64` (line 4, column 32)",
		},
	})
}

// TestArchVariants: images of another variant than the first are passed over.
func TestArchVariants(t *testing.T) {
	for _, tc := range []struct{ variants, want []string }{
		{[]string{"", "v3", ""}, []string{"0", "2"}},
		{[]string{"v2", "", "v2"}, []string{"0", "2"}},
		{[]string{"", ""}, []string{"0", "1"}},
	} {
		text := "images:\n"
		for i, variant := range tc.variants {
			text += fmt.Sprintf("- {location: /%d, archVariant: %q}\n", i, variant)
		}
		loaded, err := Load([]byte(text), nil, testHost)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, image := range loaded.ArchImages() {
			got = append(got, strings.TrimPrefix(image.Location, "/"))
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%q: got %v, want %v", tc.variants, got, tc.want)
		}
	}
}
