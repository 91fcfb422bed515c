// SPDX-License-Identifier: Apache-2.0

//go:build linux

package guest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// diskStubs are in the place of the guest's programs. They record what is done with the disk.
const diskStubs = `
findmnt() { case $* in *FSTYPE*) echo ext4 ;; *) [ -e "$root/mounted" ] ;; esac; }
mount() { echo "mount $*" >>"$root/calls"; [ ! -e "$root/unmountable" ] || { echo bad superblock; return 1; }; }
chown() { echo "chown $*" >>"$root/calls"; }
resize2fs() { echo "resize2fs $*" >>"$root/calls"; }
user=jan
`

// runDisk runs the boot script's function disk below a directory, whose dev/vdb has the content.
func runDisk(t *testing.T, root string, content []byte, args ...string) (output, calls string, err error) {
	t.Helper()
	for _, dir := range []string{"sys/block/vda", "sys/block/vdb", "dev", "bin"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"sys/block/vdb/serial": "rdd-disk0\n", "dev/vdb": string(content),
		"bin/mkfs.ext4": "#!/bin/sh\necho \"mkfs.ext4 $*\" >>" + root + "/calls\n", "bin/mkfs.bad": "#!/bin/sh\necho no room\nexit 1\n",
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	functions, _, _ := strings.Cut(bootScript, "mkdir -p /var/lib/rdd\n")
	functions = strings.NewReplacer("/sys/block", root+"/sys/block", "/dev/${", root+"/dev/${").Replace(functions)
	script := "root=" + root + "\nPATH=$root/bin:$PATH\n" + functions + diskStubs + `disk additionalDisks[0] rdd-disk0 "$root/mnt" "$@"`
	out, err := exec.Command("/bin/sh", append([]string{"-c", script, "sh"}, args...)...).CombinedOutput()
	text, _ := os.ReadFile(filepath.Join(root, "calls"))
	return string(out), strings.ReplaceAll(string(text), root, "R"), err
}

// TestDisk: only what holds nothing is formatted.
func TestDisk(t *testing.T) {
	empty := make([]byte, 2<<20)
	used := make([]byte, 2<<20)
	used[1<<20-1] = 1
	for _, tc := range []struct {
		name    string
		content []byte
		files   []string
		args    []string
		want    string
		fails   string
	}{
		{
			"a new disk", empty, nil, []string{"true", "ext4", "-L", "my data"},
			"mkfs.ext4 -L my data R/dev/vdb\nmount R/dev/vdb R/mnt\nchown jan: R/mnt\nresize2fs R/dev/vdb\n", "",
		},
		{"a used one", used, nil, []string{"true", "ext4"}, "mount R/dev/vdb R/mnt\nresize2fs R/dev/vdb\n", ""},
		{
			"one with a partition", used, []string{"dev/vdb1"}, []string{"true", "ext4"}, "", "additionalDisks[0]: the disk cannot be read",
		},
		{"not to be formatted", empty, nil, []string{"false", ""}, "", ""},
		{"mounted already", empty, []string{"mounted"}, []string{"true", "ext4"}, "", ""},
		{"one that cannot be read", nil, nil, []string{"true", "ext4"}, "", "additionalDisks[0]: the disk cannot be read"},
		{"no such mkfs", empty, nil, []string{"true", "bad"}, "", "additionalDisks[0]: mkfs.bad failed: no room"},
		{
			"something else on it", used, []string{"unmountable"}, []string{"true", "ext4"}, "mount R/dev/vdb R/mnt\n",
			"additionalDisks[0]: the disk cannot be mounted on ",
		},
	} {
		root := t.TempDir()
		for _, file := range tc.files {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(root, file)), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(root, file), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		out, calls, err := runDisk(t, root, tc.content, tc.args...)
		if calls != tc.want || (err != nil) != (tc.fails != "") || !strings.Contains(out, tc.fails) {
			t.Errorf("%s: %v: %s\ncalled %q, want %q", tc.name, err, out, calls, tc.want)
		}
	}
}

func TestDiskThatIsNotThere(t *testing.T) {
	functions, _, _ := strings.Cut(bootScript, "mkdir -p /var/lib/rdd\n")
	script := strings.ReplaceAll(functions, "/sys/block", t.TempDir()) +
		"findmnt() { false; }\ndisk 'additionalDisks[0]' rdd-disk0 /mnt/x true ext4"
	out, err := exec.Command("/bin/sh", "-c", script).CombinedOutput()
	if err == nil || string(out) != "additionalDisks[0]: the guest has no disk with the serial rdd-disk0\n" {
		t.Errorf("%v: %s", err, out)
	}
}
