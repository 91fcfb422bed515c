// SPDX-License-Identifier: Apache-2.0

package vm_test

import (
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
)

func TestRedacted(t *testing.T) {
	for location, want := range map[string]string{
		"https://x/disk.img":                      "https://x/disk.img",
		"https://me:secret@x/disk.img":            "https://me:xxxxx@x/disk.img",
		"https://token@x/disk.img":                "https://xxxxx@x/disk.img",
		"http://x/disk.img?X-Amz-Signature=s&e=1": "http://x/disk.img?xxxxx",
		"https://me:secret@x/disk.img?sig=s#part": "https://me:xxxxx@x/disk.img?xxxxx#part",
		"https://me:sec%ret@x/disk.img?sig=s":     "https://xxxxx@x/disk.img?xxxxx",
		"/srv/disk?sig=s.img":                     "/srv/disk?sig=s.img",
		"~/me:secret@x":                           "~/me:secret@x",
		"rdd:docker":                              "rdd:docker",
		"":                                        "",
	} {
		if got := vm.Redacted(location); got != want {
			t.Errorf("%s: got %s, want %s", location, got, want)
		}
		if again := vm.Redacted(want); again != want {
			t.Errorf("%s is not stable: %s", want, again)
		}
	}
}

func TestRedactedURLs(t *testing.T) {
	text := `Get "https://x/disk.img?sig=s": dial tcp: no route to http://me:p@y/z, nor to https://x/disk.img`
	want := `Get "https://x/disk.img?xxxxx": dial tcp: no route to http://me:xxxxx@y/z, nor to https://x/disk.img`
	if got := vm.RedactedURLs(text); got != want {
		t.Errorf("got %s", got)
	}
}
