// SPDX-License-Identifier: Apache-2.0

//go:build linux

package guest

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// certGuest is a directory in the place of a guest's root, with a program of the distribution's.
type certGuest struct{ root string }

// run calls ca_certs there, and returns the output and which certificates are trusted then.
func (g certGuest) run(t *testing.T, program string, args ...string) (string, map[string]string, error) {
	t.Helper()
	functions, _, _ := strings.Cut(bootScript, "mkdir -p /var/lib/rdd\n")
	functions = strings.NewReplacer(
		"/etc/", g.root+"/etc/", "/var/lib", g.root+"/var/lib", "/usr/local", g.root+"/usr/local",
	).Replace(functions)
	// The shell finds no other program of that kind.
	fake := "command() { [ \"$2\" = " + program + " ]; }\nPATH=" + g.root + ":$PATH\n"
	if err := os.WriteFile(filepath.Join(g.root, program), []byte("#!/bin/sh\necho ran >>"+g.root+"/runs\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", append([]string{"-c", functions + fake + `ca_certs "$@"`, "sh"}, args...)...)
	out, err := cmd.CombinedOutput()
	found := map[string]string{}
	for _, dir := range []string{"usr/local/share/ca-certificates", "etc/pki/ca-trust/source/anchors", "etc/pki/trust/anchors"} {
		files, _ := filepath.Glob(filepath.Join(g.root, dir, "*"))
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name, _ := filepath.Rel(g.root, file)
			found[name] = string(text)
		}
	}
	return string(out), found, err
}

// runs counts how often the distribution's program was run.
func (g certGuest) runs() int {
	text, _ := os.ReadFile(filepath.Join(g.root, "runs"))
	return strings.Count(string(text), "ran")
}

func newCertGuest(t *testing.T, dirs ...string) certGuest {
	t.Helper()
	g := certGuest{t.TempDir()}
	for _, dir := range append(dirs, "etc", "var/lib/rdd") {
		if err := os.MkdirAll(filepath.Join(g.root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

func TestCACerts(t *testing.T) {
	for _, tc := range []struct {
		name, program, dir string
		dirs               []string
	}{
		{"Debian", "update-ca-certificates", "usr/local/share/ca-certificates", nil},
		{"Fedora", "update-ca-trust", "etc/pki/ca-trust/source/anchors", []string{"etc/pki/ca-trust/source/anchors"}},
		{"openSUSE", "update-ca-certificates", "etc/pki/trust/anchors", []string{"etc/pki/trust/anchors"}},
	} {
		g := newCertGuest(t, tc.dirs...)
		for i, step := range []struct {
			args []string
			want map[string]string
			runs int
		}{
			{[]string{"false"}, map[string]string{}, 0}, // nothing is run where nothing was ever asked for
			{[]string{"false", "A", "it's B"}, map[string]string{"rdd-0.crt": "A\n", "rdd-1.crt": "it's B\n"}, 1},
			{[]string{"false", "A", "it's B"}, map[string]string{"rdd-0.crt": "A\n", "rdd-1.crt": "it's B\n"}, 1},
			{[]string{"false", "C"}, map[string]string{"rdd-0.crt": "C\n"}, 2},
			{[]string{"false"}, map[string]string{}, 3},
			{[]string{"false"}, map[string]string{}, 3},
		} {
			want := map[string]string{}
			for name, text := range step.want {
				want[tc.dir+"/"+name] = text
			}
			out, got, err := g.run(t, tc.program, step.args...)
			if err != nil || out != "" || !maps.Equal(got, want) || g.runs() != step.runs {
				t.Errorf("%s, step %d: %v: %s: got %v after %d runs, want %v", tc.name, i, err, out, got, g.runs(), want)
			}
		}
	}
}

// TestCACertsRemoveDefaults: the distribution's come back when they are not to be removed any more.
func TestCACertsRemoveDefaults(t *testing.T) {
	const image = "# comment\n!mozilla/deselected.crt\nmozilla/a.crt\n\nmozilla/b.crt\n"
	g := newCertGuest(t)
	conf := filepath.Join(g.root, "etc/ca-certificates.conf")
	out, _, err := g.run(t, "update-ca-certificates", "true", "A")
	if err == nil || !strings.Contains(out, "caCerts.removeDefaults: this guest has no ") {
		t.Errorf("%v: %s", err, out)
	}
	if err := os.WriteFile(conf, []byte(image), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ remove, want string }{
		{"true", "# comment\n!mozilla/deselected.crt\n!mozilla/a.crt\n\n!mozilla/b.crt\n"},
		{"true", "# comment\n!mozilla/deselected.crt\n!mozilla/a.crt\n\n!mozilla/b.crt\n"},
		{"false", image}, {"false", image},
	} {
		out, _, err := g.run(t, "update-ca-certificates", tc.remove)
		if text, _ := os.ReadFile(conf); err != nil || out != "" || string(text) != tc.want {
			t.Errorf("%s: %v: %s: got %q", tc.remove, err, out, text)
		}
	}
}

// TestCACertsThatFail are tried again at the next boot.
func TestCACertsThatFail(t *testing.T) {
	g := newCertGuest(t)
	if out, _, err := g.run(t, "none", "false", "A"); err == nil || !strings.Contains(out, "caCerts: the guest has neither ") {
		t.Errorf("%v: %s", err, out)
	}
	if _, got, err := g.run(t, "update-ca-certificates", "false", "A"); err != nil || len(got) != 1 || g.runs() != 1 {
		t.Errorf("%v: %v after %d runs", err, got, g.runs())
	}
}
