// SPDX-License-Identifier: Apache-2.0

package build

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
)

func fakeHost(root, keys bool, free int64, lacks ...string) host {
	return host{
		root:      root,
		exists:    func(string) bool { return keys },
		freeSpace: func(string) (int64, error) { return free, nil },
		lookPath: func(name string) (string, error) {
			if slices.Contains(lacks, name) {
				return "", fmt.Errorf("%s: not found", name)
			}
			return "/usr/bin/" + name, nil
		},
	}
}

func TestCheckTools(t *testing.T) {
	tests := []struct {
		name string
		host host
		want []string
	}{
		{"root has all", fakeHost(true, true, 0, "newuidmap"), nil},
		{"a user has all", fakeHost(false, true, 0), nil},
		{"a user lacks uidmap", fakeHost(false, true, 0, "newuidmap"), []string{"newuidmap", "apt-get install --yes uidmap"}},
		{"everything is missing", fakeHost(false, false, 0, "mmdebstrap", "mke2fs", "qemu-img", "newuidmap"), []string{
			"mmdebstrap, mke2fs, qemu-img, newuidmap", keyring,
			"sudo apt-get install --yes mmdebstrap e2fsprogs qemu-utils uidmap debian-archive-keyring",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { checkHostError(t, test.host.checkTools(), test.want) })
	}
}

func checkHostError(t *testing.T, err error, want []string) {
	t.Helper()
	if want == nil {
		if err != nil {
			t.Errorf("got %v, want none", err)
		}
		return
	}
	var lacking *vm.HostError
	if !errors.As(err, &lacking) {
		t.Fatalf("got %v, want a HostError", err)
	}
	for _, text := range want {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q does not say %q", err, text)
		}
	}
}

func TestCheckSpace(t *testing.T) {
	checkHostError(t, fakeHost(true, true, spaceNeeded).checkSpace("/cache"), nil)
	checkHostError(t, fakeHost(true, true, spaceNeeded-1).checkSpace("/cache"), []string{"/cache", "3.0 GiB"})
	if _, err := image.FreeSpace("/nonexistent"); err == nil {
		t.Error("the free space of a missing directory is known")
	}
	if free, err := image.FreeSpace(t.TempDir()); err != nil || free <= 0 {
		t.Errorf("got %d, %v", free, err)
	}
}
