// SPDX-License-Identifier: Apache-2.0

package image

import "testing"

func TestSourceNames(t *testing.T) {
	for location, want := range map[string]string{
		"https://cloud.debian.org/images/debian-13-genericcloud-amd64.qcow2": "debian-13-genericcloud-amd64",
		"http://x/a/Fedora_Cloud 42.raw.xz?token=1":                          "fedora-cloud-42",
		"/srv/images/disk.img":                                               "disk",
		"http://x":                                                           "image",
		"http://x/":                                                          "image",
		"/x/.qcow2":                                                          "image",
		"http://x/..":                                                        "image",
	} {
		if got := (Source{Disk: File{Location: location}}).ShortName(); got != want {
			t.Errorf("%s: got %q, want %q", location, got, want)
		}
	}
}
