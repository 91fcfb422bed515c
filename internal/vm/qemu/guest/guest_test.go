// SPDX-License-Identifier: Apache-2.0

//go:build linux

package guest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// nasty are values that break scripts which quote badly.
var nasty = []string{
	"", "plain", "two words", "it's", `"quoted"`, "$HOME", "$(touch /tmp/hacked)", "`id`", `back\slash`, "semi;colon", "a & b | c > d", "*",
	"~", "-n",
	"#comment", "tab\there", "é", "\xff", "EOF", "'; exit 1; '", "!history", "{a,b}", "=", "line\nbreak",
}

func settings(t *template.Template) Settings {
	return Settings{
		User:     vmdir.User{Name: "tester", UID: 1234, Home: "/home/tester.guest"},
		Keys:     Keys{Authorized: "ssh-ed25519 AAAA it's $me\n", Host: "-----BEGIN-----\nabc\n-----END-----\n"},
		Template: t,
	}
}

func TestScriptsAreShell(t *testing.T) {
	env := map[string]string{}
	tmpl := &template.Template{Env: env, Param: env}
	for i, value := range nasty {
		env["V"+string(rune('A'+i))] = value
		for _, mode := range []string{template.ModeBoot, template.ModeSystem, template.ModeUser} {
			tmpl.Provision = append(tmpl.Provision, template.Provision{Mode: mode, Script: value})
		}
	}
	for name, script := range map[string][]byte{"boot": settings(tmpl).Boot(), "provision": settings(tmpl).Provision()} {
		cmd := exec.Command("/bin/sh", "-n")
		cmd.Stdin = bytes.NewReader(script)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
}

// provisionEnd is the end of the functions of provision.sh.
const provisionEnd = "    exit \"$failed\"\n}\n"

// runProvision runs the rendered script on this host, in a directory of its own.
func runProvision(t *testing.T, s Settings) (output string, code int) {
	t.Helper()
	return runProvisionWith(t, s, "")
}

// runProvisionWith also has stubs in the place of the script's own functions.
func runProvisionWith(t *testing.T, s Settings, stubs string) (output string, code int) {
	t.Helper()
	dir := t.TempDir()
	script := strings.ReplaceAll(string(s.Provision()), "/run/rdd", dir)
	script = strings.ReplaceAll(script, provisionEnd, provisionEnd+stubs)
	cmd := exec.Command("/bin/sh")
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	if _, isExit := err.(*exec.ExitError); err != nil && !isExit { //nolint:errorlint // Wait returns it bare
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

func TestProvisionHandsValuesOver(t *testing.T) {
	for _, value := range nasty {
		tmpl := &template.Template{
			Env: map[string]string{"GIVEN": value}, Param: map[string]string{"thing": value},
			Provision: []template.Provision{{Mode: template.ModeSystem, Script: "#!/bin/sh\nprintf '<%s|%s>' \"$GIVEN\" \"$PARAM_thing\"\n"}},
		}
		if out, code := runProvision(t, settings(tmpl)); code != 0 || out != "<"+value+"|"+value+">" {
			t.Errorf("%q: code %d, got %q", value, code, out)
		}
	}
}

func TestProvisionScriptsArriveAsTheyAre(t *testing.T) {
	for _, value := range nasty {
		tmpl := &template.Template{Provision: []template.Provision{
			{Mode: template.ModeSystem, Script: "#!/bin/sh\ntail -n +4 \"$0\"\nexit\n" + value},
		}}
		if out, code := runProvision(t, settings(tmpl)); code != 0 || strings.TrimSuffix(out, "\n") != value {
			t.Errorf("%q: code %d, got %q", value, code, out)
		}
	}
}

func TestProvisionReportsFailures(t *testing.T) {
	tmpl := &template.Template{Provision: []template.Provision{
		{Mode: template.ModeSystem, Script: "echo first"},
		{Mode: template.ModeSystem, Script: "echo second; exit 3"},
		{Mode: template.ModeSystem, Script: "cat; echo third"},
	}}
	out, code := runProvision(t, settings(tmpl))
	if code != 1 || out != "first\nsecond\nprovision[1] (mode system) failed with exit code 3\nthird\n" {
		t.Errorf("code %d, output %q", code, out)
	}
}

func TestProvisionOrder(t *testing.T) {
	tmpl := &template.Template{Provision: []template.Provision{
		{Mode: template.ModeUser, Script: "u0"}, {Mode: template.ModeSystem, Script: "s1"}, {Mode: template.ModeBoot, Script: "b2"},
		{Mode: template.ModeSystem, Script: "s3"}, {Mode: template.ModeUser, Script: "u4"},
	}}
	check := func(name string, script []byte, want ...string) {
		var got []string
		for line := range strings.Lines(string(script)) {
			if strings.HasPrefix(line, "run '") {
				got = append(got, strings.Trim(strings.Fields(line)[3], "'"))
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s runs %v, want %v", name, got, want)
		}
	}
	tmpl.Provision = append(tmpl.Provision, template.Provision{Mode: template.ModeDependency, Script: "d5"})
	check("boot", settings(tmpl).Boot(), "b2")
	check("provision", settings(tmpl).Provision(), "d5", "s1", "s3", "u0", "u4")
}

// TestPut runs the boot script's only way to write files.
func TestPut(t *testing.T) {
	function, _, _ := strings.Cut(bootScript, "# The root file system")
	path := filepath.Join(t.TempDir(), "file")
	for _, text := range nasty {
		cmd := exec.Command("/bin/sh", "-c", function+"\nput \"$1\" 0600 \"$2\"", "sh", path, text)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%q: %v: %s", text, err, out)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%q: %v, %v", text, info, err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text+"\n" {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
}

func TestUser(t *testing.T) {
	for _, tc := range []struct {
		name     string
		uid      int
		want     string
		wantUID  int
		wantHome string
	}{
		{"jan", 1000, "jan", 1000, "/home/jan.guest"},
		{"jan", 1001, "jan", 1001, "/home/jan.guest"},
		{"root", 0, "rdd", 1000, "/home/rdd.guest"},
		{"Jan.Dubois", 1000, "rdd", 1000, "/home/rdd.guest"},
		{`DOMAIN\jan`, 200000, "rdd", 200000, "/home/rdd.guest"},
		{"svc", 999, "svc", 999, "/home/svc.guest"},
		{"jan", 501, "jan", 501, "/home/jan.guest"},
		{"jan", 1, "jan", 1, "/home/jan.guest"},
		{"jan", 1 << 31, "jan", 1 << 31, "/home/jan.guest"},
		{"jan", -1, "jan", 1000, "/home/jan.guest"},
		{"jan", 65534, "jan", 1000, "/home/jan.guest"},
		{"jan", 65535, "jan", 1000, "/home/jan.guest"},
		{"jan", 1<<32 - 1, "jan", 1000, "/home/jan.guest"},
		{"docker", 1000, "docker", 1000, "/home/docker.guest"},
		{"www-data", 33, "rdd", 33, "/home/rdd.guest"},
		{"nobody", 65534, "rdd", 1000, "/home/rdd.guest"},
		{"systemd-network", 1000, "rdd", 1000, "/home/rdd.guest"},
		{"_apt", 1000, "rdd", 1000, "/home/rdd.guest"},
		{"", 1000, "rdd", 1000, "/home/rdd.guest"},
		{"x; rm -rf /", 1000, "rdd", 1000, "/home/rdd.guest"},
	} {
		if got := User(tc.name, tc.uid); got != (vmdir.User{Name: tc.want, UID: tc.wantUID, Home: tc.wantHome}) {
			t.Errorf("User(%q, %d) = %+v", tc.name, tc.uid, got)
		}
	}
}

func TestKeys(t *testing.T) {
	dir := t.TempDir()
	user, host := filepath.Join(dir, "user"), filepath.Join(dir, "host")
	for _, path := range []string{user, host} {
		if err := MakeKey(path, "comment"); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("private key: %v, %v", info.Mode(), err)
		}
	}
	keys, err := ReadKeys(user, host)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, _, err := ssh.ParseAuthorizedKey([]byte(keys.Authorized)); err != nil {
		t.Error(err)
	}
	if _, err := ssh.ParsePrivateKey([]byte(keys.Host)); err != nil {
		t.Error(err)
	}
	line, err := KnownHosts(host, 2222)
	if err != nil {
		t.Fatal(err)
	}
	if _, hosts, _, _, _, err := ssh.ParseKnownHosts(line); err != nil || len(hosts) != 1 || hosts[0] != "[127.0.0.1]:2222" {
		t.Errorf("%q: %v, %v", line, hosts, err)
	}
}

// TestScriptsWaitForTheHost: only where it has files to change.
func TestScriptsWaitForTheHost(t *testing.T) {
	tmpl := &template.Template{Provision: []template.Provision{{Mode: template.ModeDependency, Script: "x"}}}
	if script := string(settings(tmpl).Provision()); strings.Contains(script, "\nawait_host\n") {
		t.Error("they wait for nothing")
	}
	tmpl.Provision = append(tmpl.Provision, template.Provision{Mode: template.ModeYQ, Path: "/x.json", Expression: ".a = 1"})
	if script := string(settings(tmpl).Provision()); !strings.Contains(script, "\nawait_host\nrun 'provision[0]'") {
		t.Error("they do not wait")
	}
	if !strings.Contains(provisionScript, " "+HostFiles+" ") {
		t.Error("they wait for another file")
	}
}
