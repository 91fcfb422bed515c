// SPDX-License-Identifier: Apache-2.0

package build

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cavaliergopher/cpio"
	"github.com/ulikunitz/xz"
)

// moduleTree makes a kernel's module directory with a compressed and a plain module.
func moduleTree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, data []byte) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("modules.builtin", []byte("kernel/drivers/virtio/virtio.ko\nkernel/drivers/virtio/virtio_pci.ko\nkernel/fs/ext4/ext4.ko\n"))
	write("modules.dep", []byte("kernel/a/top-disk.ko.xz: kernel/b/middle.ko kernel/b/base.ko.xz\n"+
		"kernel/b/middle.ko: kernel/b/base.ko.xz\nkernel/b/base.ko.xz:\n"+
		"kernel/c/odd.ko.zst:\nkernel/c/broken.ko.xz:\n"))
	write("kernel/a/top-disk.ko.xz", compress(t, "top"))
	write("kernel/b/base.ko.xz", compress(t, "base"))
	write("kernel/b/middle.ko", []byte("middle"))
	write("kernel/c/odd.ko.zst", []byte("?"))
	write("kernel/c/broken.ko.xz", []byte("not xz"))
	return dir
}

func compress(t *testing.T, text string) []byte {
	t.Helper()
	var buffer bytes.Buffer
	w, err := xz.NewWriter(&buffer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

func TestReadModules(t *testing.T) {
	dir := moduleTree(t)
	tests := []struct {
		name  string
		names []string
		want  string
		fail  string
	}{
		{name: "dependencies first", names: []string{"top_disk"}, want: "base.ko=base middle.ko=middle top_disk.ko=top"},
		{name: "dashes are underscores", names: []string{"top-disk"}, want: "base.ko=base middle.ko=middle top_disk.ko=top"},
		{name: "each once", names: []string{"middle", "top_disk", "base"}, want: "base.ko=base middle.ko=middle top_disk.ko=top"},
		{name: "built-in ones are left out", names: []string{"virtio_pci", "ext4", "base"}, want: "base.ko=base"},
		{name: "unknown", names: []string{"nope"}, fail: "has no module nope"},
		{name: "unknown compression", names: []string{"odd"}, fail: "compression .zst is not supported"},
		{name: "damaged", names: []string{"broken"}, fail: "broken.ko.xz"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			modules, err := readModules(dir, test.names)
			if test.fail != "" {
				if err == nil || !strings.Contains(err.Error(), test.fail) {
					t.Fatalf("got %v, want an error with %q", err, test.fail)
				}
				return
			}
			var got []string
			for _, m := range modules {
				got = append(got, m.name+"="+string(m.data))
			}
			if err != nil || strings.Join(got, " ") != test.want {
				t.Errorf("got %v, %v, want %s", got, err, test.want)
			}
		})
	}
}

func TestReadModulesOfDamagedTree(t *testing.T) {
	dir := moduleTree(t)
	if err := os.WriteFile(filepath.Join(dir, "modules.dep"), []byte("no colon\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readModules(dir, []string{"base"}); err == nil || !strings.Contains(err.Error(), "modules.dep") {
		t.Errorf("got %v, want an error that names modules.dep", err)
	}
	if _, err := readModules(t.TempDir(), []string{"base"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want not exist", err)
	}
}

func testContents(t *testing.T) initrdContents {
	t.Helper()
	busybox := filepath.Join(t.TempDir(), "busybox")
	if err := os.WriteFile(busybox, []byte("\x7fELF"), 0o600); err != nil {
		t.Fatal(err)
	}
	return initrdContents{
		busybox: busybox, init: []byte("#!/bin/sh\n"),
		modules: []module{{"base.ko", []byte("base")}, {"top.ko", []byte("top")}},
	}
}

type entry struct {
	mode cpio.FileMode
	data string
}

func readArchive(t *testing.T, data []byte) map[string]entry {
	t.Helper()
	entries := map[string]entry{}
	for r := cpio.NewReader(bytes.NewReader(data)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return entries
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		entries[header.Name] = entry{header.Mode, header.Linkname + string(body)}
	}
}

func TestInitrdContents(t *testing.T) {
	var buffer bytes.Buffer
	if err := testContents(t).write(&buffer); err != nil {
		t.Fatal(err)
	}
	got := readArchive(t, buffer.Bytes())
	want := map[string]entry{
		"init":            {cpio.TypeReg | 0o755, "#!/bin/sh\n"},
		"bin":             {cpio.TypeDir | 0o755, ""},
		"dev":             {cpio.TypeDir | 0o755, ""},
		"root":            {cpio.TypeDir | 0o755, ""},
		"modules":         {cpio.TypeDir | 0o755, ""},
		"bin/busybox":     {cpio.TypeReg | 0o755, "\x7fELF"},
		"modules/order":   {cpio.TypeReg | 0o644, "base.ko\ntop.ko\n"},
		"modules/base.ko": {cpio.TypeReg | 0o644, "base"},
		"modules/top.ko":  {cpio.TypeReg | 0o644, "top"},
	}
	for _, applet := range applets {
		// The first image did not boot because the links had no target.
		want["bin/"+applet] = entry{cpio.TypeSymlink | 0o777, "busybox"}
	}
	for name, w := range want {
		if got[name] != w {
			t.Errorf("%s: got %o %q, want %o %q", name, got[name].mode, got[name].data, w.mode, w.data)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %d entries, want %d", len(got), len(want))
	}
}

func TestInitrdIsDeterministic(t *testing.T) {
	var first, second bytes.Buffer
	contents := testContents(t)
	if err := errors.Join(contents.write(&first), contents.write(&second)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("the same contents gave different bytes")
	}
}

func TestInitUsesEveryApplet(t *testing.T) {
	data, err := guest.ReadFile("guest/init.sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, applet := range applets {
		if !bytes.Contains(data, []byte(applet)) {
			t.Errorf("init.sh does not use %s", applet)
		}
	}
}
