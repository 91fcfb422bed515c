// SPDX-License-Identifier: Apache-2.0

//go:build linux

package guest

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm/template"
)

// TestEmptyBlock: an empty text removes the block.
func TestEmptyBlock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if out, err := bootFunctions(t, `block "$@"`, path, ""); err != nil || out != "" {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("made a file: %v", err)
	}
	if err := os.WriteFile(path, []byte("X=1\n# rdd: begin\nA=0\n# rdd: end\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := bootFunctions(t, `block "$@"`, path, ""); err != nil || out != "" {
		t.Fatalf("%v: %s", err, out)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "X=1\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

// bootFunctions runs the boot script's functions on this host, as whoever runs the test.
func bootFunctions(t *testing.T, line string, args ...string) (string, error) {
	t.Helper()
	functions, _, found := strings.Cut(bootScript, "mkdir -p /var/lib/rdd\n")
	if !found {
		t.Fatal("the boot script has changed its shape")
	}
	cmd := exec.Command("/bin/sh", append([]string{"-c", "chown() { :; }\n" + functions + line, "sh"}, args...)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestBlock(t *testing.T) {
	const ours = "# rdd: begin\nA=1\nB=it's \\n $HOME\n# rdd: end\n"
	for _, tc := range []struct{ name, before, where, want string }{
		{"no file", "", "", ours},
		{"at the end", "PATH=/bin\n", "", "PATH=/bin\n" + ours},
		{"at the beginning", "127.0.0.1 localhost\n", "first", ours + "127.0.0.1 localhost\n"},
		{"in place of an earlier one", "X=1\n# rdd: begin\nA=0\n# rdd: end\nY=2\n", "", "X=1\nY=2\n" + ours},
		{"no newline at the end", "X=1", "", "X=1\n" + ours},
		{"blanks and backslashes stay", "  X = \\1 \n\n\ty\n", "first", ours + "  X = \\1 \n\n\ty\n"},
	} {
		path := filepath.Join(t.TempDir(), "file")
		if tc.before != "" {
			if err := os.WriteFile(path, []byte(tc.before), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 { // the second time changes nothing
			if out, err := bootFunctions(t, `block "$@"`, path, "A=1\nB=it's \\n $HOME", tc.where); err != nil || out != "" {
				t.Fatalf("%s: %v: %s", tc.name, err, out)
			}
			if got, err := os.ReadFile(path); err != nil || string(got) != tc.want {
				t.Errorf("%s: got %q, want %q, %v", tc.name, got, tc.want, err)
			}
		}
	}
}

func TestFile(t *testing.T) {
	for _, content := range append(nasty, "two\nlines\n", "no end", "\n\n") {
		path := filepath.Join(t.TempDir(), "new", "dir", "it's $a file")
		if out, err := bootFunctions(t, `file "$@"`, "provision[0]", path, "0:0", "640", "true", content); err != nil {
			t.Fatalf("%q: %v: %s", content, err, out)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != content {
			t.Errorf("%q: got %q, %v", content, got, err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("%v, %v", info, err)
		}
	}
}

func TestFileThatIsThere(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, tc := range []struct{ overwrite, want string }{{"false", "first"}, {"false", "first"}, {"true", "third"}} {
		content := map[string]string{"first": "first", "third": "third"}[tc.want]
		if _, err := os.Stat(path); err == nil && tc.overwrite == "false" {
			content = "second"
		}
		if out, err := bootFunctions(t, `file "$@"`, "provision[0]", path, "0:0", "644", tc.overwrite, content); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if got, _ := os.ReadFile(path); string(got) != tc.want {
			t.Errorf("overwrite %s: got %q, want %q", tc.overwrite, got, tc.want)
		}
	}
	out, err := bootFunctions(t, `file "$@"`, "provision[7]", dir, "0:0", "644", "true", "x")
	if err == nil || !strings.Contains(out, "provision[7]: "+dir+" is a directory") {
		t.Errorf("a directory: %v: %s", err, out)
	}
	out, err = bootFunctions(t, `file "$@"`, "provision[8]", path, "0:0", "rwx", "true", "x")
	if err == nil || !strings.Contains(out, "provision[8]: "+path+" cannot be written") {
		t.Errorf("bad permissions: %v: %s", err, out)
	}
	if got, _ := os.ReadFile(path); string(got) != "third" {
		t.Errorf("changed all the same: %q", got)
	}
	if left, _ := filepath.Glob(path + ".*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestNewDirectoriesHaveAnOwner: those that a file or a mount point lacks, and no others.
func TestNewDirectoriesHaveAnOwner(t *testing.T) {
	dir := t.TempDir()
	chown := "chown() { echo \"$*\"; case $1 in 77:) return 1 ;; esac; }\n"
	home := filepath.Join(dir, "it's home")
	for _, tc := range []struct{ line, path, owner, want string }{
		{`file provision[0] "$1" "$2" 644 true x`, "a/b/c", "jan", "jan: D/a\njan: D/a/b\njan: D/a/b/c.rdd-new\n"},
		{`file provision[0] "$1" "$2" 644 true x`, "a/b/d/e", "jan:wheel", "jan:wheel D/a/b/d\njan:wheel D/a/b/d/e.rdd-new\n"},
		{`file provision[0] "$1" "$2" 644 true x`, "f", "77", "77: D/f.rdd-new\n77 D/f.rdd-new\n"},
		{`make_dir "$1" "$2"`, "m/n", "jan", "jan: D/m\njan: D/m/n\n"},
		{`make_dir "$1" "$2"`, "m/n", "jan", ""},
	} {
		out, err := bootFunctions(t, chown+tc.line, filepath.Join(home, tc.path), tc.owner)
		want := strings.ReplaceAll(tc.want, "D", home)
		if tc.path == "a/b/c" {
			want = "jan: " + home + "\n" + want
		}
		if err != nil || out != want {
			t.Errorf("%s: %v: got %s, want %s", tc.path, err, out, want)
		}
	}
	if out, err := bootFunctions(t, chown+`file provision[0] "$1" jan 644 true x`, filepath.Join(home, "f", "g")); err == nil ||
		!strings.Contains(out, "provision[0]: the directory of "+home+"/f/g cannot be made") {
		t.Errorf("a file in the way: %v: %s", err, out)
	}
}

// TestFilesComeFirst: scripts of mode boot find them.
func TestFilesComeFirst(t *testing.T) {
	no := false
	tmpl := &template.Template{Provision: []template.Provision{
		{Mode: template.ModeBoot, Script: "b0"},
		{Mode: template.ModeData, Path: "/etc/x", Content: "it's\n", Owner: "root:root", Permissions: "644", Overwrite: &no},
	}}
	script := string(settings(tmpl).Boot())
	want := "file 'provision[1]' '/etc/x' 'root:root' '644' false 'it'\\''s\n'\nrun 'provision[0]' boot 'b0'\nfinish\n"
	if !strings.HasSuffix(script, want) {
		t.Errorf("no %q at the end of %q", want, script[max(0, len(script)-300):])
	}
	if strings.Contains(string(settings(tmpl).Provision()), "/etc/x") {
		t.Error("written twice")
	}
}

func TestHosts(t *testing.T) {
	errUnknown := errors.New("no such host")
	known := map[string][]string{
		"example.com": {"192.0.2.1", "2001:db8::1", "192.0.2.1"}, "me": {"127.0.1.1", "::1"}, "link": {"fe80::1%eth0"},
	}
	lookup := func(_ context.Context, name string) ([]netip.Addr, error) {
		var found []netip.Addr
		for _, address := range known[name] {
			found = append(found, netip.MustParseAddr(address))
		}
		if len(found) == 0 {
			return nil, errUnknown
		}
		return found, nil
	}
	const usual = "10.0.2.2 host.docker.internal\n10.0.2.2 host.lima.internal\n10.0.2.2 host.rancher-desktop.internal"
	for _, tc := range []struct {
		name    string
		entries map[string]string
		want    string
		err     string
	}{
		{"none", nil, usual, ""},
		{"an address", map[string]string{"a": "192.0.2.9"}, "192.0.2.9 a\n" + usual, ""},
		{"a name of the host's", map[string]string{"a": template.LimaHost}, "10.0.2.2 a\n" + usual, ""},
		{"a chain", map[string]string{"a": "b", "b": "c", "c": "::1"}, "::1 a\n::1 b\n::1 c\n" + usual, ""},
		{"looked up", map[string]string{"a": "example.com"}, "192.0.2.1 a\n2001:db8::1 a\n" + usual, ""},
		{"the host itself", map[string]string{"a": "me"}, "10.0.2.2 a\n" + usual, ""},
		{"only with a zone", map[string]string{"a": "link"}, usual, ""},
		{"unknown", map[string]string{"a": "nowhere", "b": "192.0.2.9"}, "192.0.2.9 b\n" + usual, "a: no such host"},
		{"a circle", map[string]string{"a": "b", "b": "a"}, usual, "circle"},
		{"itself", map[string]string{"a": "a"}, usual, "circle"},
		{"another host", map[string]string{"host.docker.internal": "192.0.2.7"}, "192.0.2.7" + strings.TrimPrefix(usual, "10.0.2.2"), ""},
	} {
		got, err := Hosts(t.Context(), tc.entries, lookup)
		if got != tc.want || (err == nil) != (tc.err == "") || (err != nil && !strings.Contains(err.Error(), tc.err)) {
			t.Errorf("%s: %v:\n got %q\nwant %q", tc.name, err, got, tc.want)
		}
	}
}

// TestTimezone: the image's comes back when the template names none any more.
func TestTimezone(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{"etc", "var/lib/rdd", "usr/share/zoneinfo/Europe"} {
		if err := os.MkdirAll(filepath.Join(dir, path), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for path, text := range map[string]string{"usr/share/zoneinfo/Europe/Berlin": "", "etc/timezone": "Etc/UTC\n"} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(dir+"/usr/share/zoneinfo/Etc/UTC", dir+"/etc/localtime"); err != nil {
		t.Fatal(err)
	}
	functions, _, _ := strings.Cut(bootScript, "mkdir -p /var/lib/rdd\n")
	functions = strings.NewReplacer("/etc/", dir+"/etc/", "/var/lib", dir+"/var/lib", "/usr/share", dir+"/usr/share").Replace(functions)
	for _, tc := range []struct{ zone, want, fails string }{
		{"", "Etc/UTC", ""}, {"Europe/Berlin", "Europe/Berlin", ""}, {"Europe/Berlin", "Europe/Berlin", ""},
		{"Mars/Base", "Europe/Berlin", "no time zone Mars/Base"}, {"", "Etc/UTC", ""}, {"", "Etc/UTC", ""},
	} {
		out, err := exec.Command("/bin/sh", "-c", functions+`set_timezone "$1"`, "sh", tc.zone).CombinedOutput()
		if (err != nil) != (tc.fails != "") || !strings.Contains(string(out), tc.fails) {
			t.Errorf("%q: %v: %s", tc.zone, err, out)
		}
		link, _ := os.Readlink(dir + "/etc/localtime")
		name, _ := os.ReadFile(dir + "/etc/timezone")
		if link != dir+"/usr/share/zoneinfo/"+tc.want || string(name) != tc.want+"\n" {
			t.Errorf("%q: %s, %s", tc.zone, link, name)
		}
	}
}

// TestNameServers: only a file of rdd's is changed.
func TestNameServers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resolv.conf")
	functions, _, _ := strings.Cut(bootScript, "mkdir -p /var/lib/rdd\n")
	functions = strings.ReplaceAll(functions, "/etc/resolv.conf", path)
	for _, tc := range []struct {
		before, want string
		servers      []string
	}{
		{"# SPDX-License-Identifier: Apache-2.0\nnameserver 10.0.2.3\n", "# by rdd\nnameserver 192.0.2.1\nnameserver 192.0.2.2\n",
			[]string{"192.0.2.1", "192.0.2.2"}},
		{"# by rdd\nnameserver 192.0.2.1\n", "# by rdd\nnameserver 10.0.2.3\n", nil},
		{"# SPDX\nnameserver 10.0.2.3\n", "# SPDX\nnameserver 10.0.2.3\n", nil},
		{"nameserver 192.0.2.9\n", "nameserver 192.0.2.9\n", []string{"192.0.2.1"}},
	} {
		if err := os.WriteFile(path, []byte(tc.before), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("/bin/sh", "-c", functions+`set_name_servers "$1"`, "sh", nameServers(tc.servers))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if got, _ := os.ReadFile(path); string(got) != tc.want {
			t.Errorf("got %q, want %q", got, tc.want)
		}
	}
}
