// SPDX-License-Identifier: Apache-2.0

package share

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"rancherdesktop.io/rdd/internal/vm/template"
)

func TestLinks(t *testing.T) {
	root := resolved(t.TempDir())
	at := func(name string) string { return filepath.Join(root, name) }
	for _, dir := range []string{"data/jan/src", "plain"} {
		if err := os.MkdirAll(at(dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(at("data/jan"), at("jan")); err != nil {
		t.Fatal(err)
	}
	mount := func(name string) template.Mount { return template.Mount{Location: at(name), MountPoint: at(name)} }
	for _, tc := range []struct {
		name   string
		mounts []template.Mount
		home   string
		want   []Link
	}{
		{"no link", []template.Mount{mount("plain")}, at("plain"), nil},
		{"the home is a link", []template.Mount{mount("jan")}, at("jan"), []Link{{at("data/jan"), at("jan")}}},
		{"below it", []template.Mount{mount("jan/src")}, at("jan"), []Link{{at("data/jan/src"), at("jan/src")}}},
		{"its target", []template.Mount{mount("data/jan")}, at("jan"), []Link{{at("jan"), at("data/jan")}}},
		{"below its target", []template.Mount{mount("data/jan/src")}, at("jan"), []Link{{at("jan/src"), at("data/jan/src")}}},
		{"around its target", []template.Mount{mount("data")}, at("jan"), []Link{{at("jan"), at("data/jan")}}},
		{"both", []template.Mount{mount("jan"), mount("data/jan")}, at("jan"), nil},
		{"one inside the other", []template.Mount{mount("jan/src"), mount("jan")}, at("jan"), []Link{{at("data/jan"), at("jan")}}},
		{"elsewhere in the guest", []template.Mount{{Location: at("jan"), MountPoint: "/w"}}, at("jan"), nil},
		{"gone", []template.Mount{mount("gone")}, at("gone"), nil},
	} {
		if got := Links(tc.mounts, tc.home); !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %v, want %v", tc.name, got, tc.want)
		}
	}
	if err := os.Symlink("/usr", at("usr")); err != nil {
		t.Fatal(err)
	}
	if got := Links([]template.Mount{mount("usr")}, at("plain")); got != nil {
		t.Errorf("a system directory of the guest: %v", got)
	}
}
