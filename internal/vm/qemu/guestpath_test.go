// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"testing"

	"rancherdesktop.io/rdd/internal/vm/template"
)

func TestMountedAt(t *testing.T) {
	mounts := []template.Mount{
		{Location: "/home/jo", MountPoint: "/home/jo"},
		{Location: "/home/jo/src", MountPoint: "/src"},
		{Location: "/tmp/lima", MountPoint: "/tmp/lima"},
	}
	for dir, want := range map[string]string{
		"/home/jo": "/home/jo", "/home/jo/a/b": "/home/jo/a/b", "/home/jo/src": "/src", "/home/jo/src/x": "/src/x",
		"/home/jom": "", "/": "", "/tmp/lima/..x": "/tmp/lima/..x",
	} {
		if got := mountedAt(dir, mounts); got != want {
			t.Errorf("%s is mounted at %q, want %q", dir, got, want)
		}
	}
}
