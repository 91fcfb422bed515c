// SPDX-License-Identifier: Apache-2.0

package template

import (
	"fmt"
	"testing"
)

func TestForeignArchitectures(t *testing.T) {
	for _, arch := range []string{ArchAArch64, ArchARMv7L, ArchPPC64LE, ArchRISCV64, ArchS390X} {
		text := fmt.Sprintf("arch: %s\nimages:\n- {location: 'rdd:docker', arch: x86_64}\n"+
			"- {location: /x.img, arch: %s}\n- {location: /y}\n", arch, arch)
		got, err := Load([]byte(text), nil, testHost)
		if err != nil {
			t.Errorf("%s: %v", arch, err)
			continue
		}
		if images := got.ArchImages(); len(images) != 2 || images[0].Location != "/x.img" || images[1].Location != "/y" {
			t.Errorf("%s: %+v", arch, images)
		}
	}
}

func TestForeignArchitecturesRefused(t *testing.T) {
	const (
		own  = "the images that rdd builds are for this host's `x86_64` only"
		file = "must be a URL or a file that holds an image for `aarch64`: " + own
	)
	for _, tc := range []struct{ name, text, want string }{
		{
			"rdd's image", "arch: aarch64\nimages: [{location: 'rdd:docker'}]\n",
			"field `images[0].location` " + file + "; got `rdd:docker` (line 2, column 21)",
		},
		{
			"rdd's image beside another", "arch: aarch64\nimages: [{location: /x}, {location: 'rdd:docker', arch: aarch64}]\n",
			"field `images[1].location` " + file + "; got `rdd:docker` (line 2, column 37)",
		},
		{
			"no image", "arch: aarch64\nimages: [{location: 'rdd:docker', arch: x86_64}]\n",
			"field `images` must have an image for `aarch64`, by a URL or a file: " + own + " (line 2, column 9)",
		},
		{
			"memory", "arch: armv7l\nmemory: 4GiB\nimages: [{location: /x}]\n",
			"field `memory` must be at most 3GiB with `arch: armv7l`; got 4GiB (line 2, column 9)",
		},
	} {
		_, err := Load([]byte(tc.text), nil, testHost)
		if err == nil || err.Error() != noMachine+tc.want {
			t.Errorf("%s: got %v", tc.name, err)
		}
	}
}

// Every architecture has a name in Go.
func TestGoArch(t *testing.T) {
	for _, arch := range architectures {
		if GoArch(arch) == "" {
			t.Errorf("%s has no name in Go", arch)
		}
	}
	if HostArch() != "" && GoArch(HostArch()) == "" {
		t.Errorf("the host's %s has none", HostArch())
	}
}
