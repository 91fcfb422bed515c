// SPDX-License-Identifier: Apache-2.0

package share

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// TestLinksSinceAreNotFollowed: a guest has put a link where the directory was, or on the way to
// it.
func TestLinksSinceAreNotFollowed(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a/b", "elsewhere/b"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	served := servedDir{Path: filepath.Join(dir, "a", "b")}
	serve := func() error { return served.serve(Owners{}, bytes.NewReader(nil), io.Discard) }
	if err := serve(); err != nil {
		t.Error(err)
	}
	for _, replaced := range []string{"a/b", "a"} {
		path := filepath.Join(dir, replaced)
		if err := os.Rename(path, path+".away"); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(dir, "elsewhere"), path); err != nil {
			t.Fatal(err)
		}
		if err := serve(); err == nil {
			t.Errorf("the link %s was followed", replaced)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCheckUnmoved: what was mounted is mounted again, and nothing else.
func TestCheckUnmoved(t *testing.T) {
	dir, views := t.TempDir(), filepath.Join(t.TempDir(), "views")
	inner, hidden := filepath.Join(dir, "inner"), filepath.Join(dir, "inner", "rdd")
	if err := os.MkdirAll(hidden, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, private := range [][]string{nil, {hidden}} {
		prepare := func() Set {
			set, err := Prepare([]template.Mount{{Location: inner, MountPoint: "/m"}}, private, views)
			if err != nil {
				t.Fatal(err)
			}
			return set
		}
		before := prepare()
		for _, set := range []Set{nil, before} {
			if err := prepare().CheckUnmoved(set); err != nil {
				t.Error(err)
			}
		}
		if err := os.Rename(inner, inner+".away"); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(inner+".away", inner); err != nil {
			t.Fatal(err)
		}
		if f := vm.FaultOf(prepare().CheckUnmoved(before)); f == nil || f.Kind != vm.FaultSpec || f.Field != "mounts[0].location" {
			t.Errorf("%+v", f)
		}
		if err := os.Remove(inner); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(inner+".away", inner); err != nil {
			t.Fatal(err)
		}
	}
}
