// SPDX-License-Identifier: Apache-2.0

//go:build linux

package guest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// hostile are names that shells and rdd's scripts use themselves.
var hostile = []string{
	"PATH", "HOME", "USER", "IFS", "OPTIND", "PS4", "CDPATH", "LD_PRELOAD", "BASH_ENV", "ENV", "LC_ALL", "home", "user", "uid", "script",
	"dir",
	"failed", "code", "as", "shell", "newline", "others", "ours", "hosts", "keys", "group", "groups", "profile", "environment",
}

// TestVariablesStayOut: they are for the template's scripts, and change nothing for rdd's own.
func TestVariablesStayOut(t *testing.T) {
	stubs, home := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{"runuser": "shift 3; exec \"$@\"", "chown": ":"} {
		if err := os.WriteFile(filepath.Join(stubs, name), []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", stubs+":"+os.Getenv("PATH"))
	for _, name := range hostile {
		// The interpreter is none of the shells, which change some variables themselves.
		show := "#!/usr/bin/awk BEGIN{printf \"<%s>\",ENVIRON[\"" + name + "\"]}\n"
		s := settings(&template.Template{
			Env: map[string]string{name: "/no/where"},
			Provision: []template.Provision{
				{Mode: template.ModeSystem, Script: show}, {Mode: template.ModeUser, Script: show},
			},
		})
		s.User = vmdir.User{Name: "tester", UID: 1234, Home: home}
		out, code := runProvision(t, s)
		if name == "LD_PRELOAD" || name == "LC_ALL" {
			out = regexp.MustCompile(`ERROR: ld.so: .*\n`).ReplaceAllString(out, "")
		}
		if code != 0 || out != "</no/where></no/where>" {
			t.Errorf("%s: code %d: %s", name, code, out)
		}
	}
}

// TestScriptsWithoutInterpreter are the shell's, whatever program starts them.
func TestScriptsWithoutInterpreter(t *testing.T) {
	out, code := runProvision(t, settings(&template.Template{Provision: []template.Provision{
		{Mode: template.ModeSystem, Script: "echo $0"}, {Mode: template.ModeSystem, Script: "\n#!/bin/false\necho $0"},
	}}))
	if code != 0 || !regexp.MustCompile(`^/.*/provision\[0\]\n/.*/provision\[1\]\n$`).MatchString(out) {
		t.Errorf("code %d: %s", code, out)
	}
}

// values are hard to write down for one reader of environments or another.
var values = []string{
	"", "plain", `C:\tmp\`, `back\slash`, `\`, "it's", `"quoted"`, `'quoted'`, `"`, "'", ` blank `, "tab\t", "$HOME", "${HOME}", "$$", "`id`",
	"a=b",
	"é", "*", "~", "-n", "export X=1", "a b  c", `ends with \n`, `it's "all" \$x`, "%h", "{a,b}", "a;b",
}

// TestPAMEnvironment: a line says the same to pam_env, and none says less.
func TestPAMEnvironment(t *testing.T) {
	for _, value := range values {
		lines := environment(map[string]string{"A": value, "B": "after"})
		got := readByPAM(lines)
		if got["A"] != value || got["B"] != "after" || len(got) != 2 {
			t.Errorf("%q: pam_env reads %q from %s", value, got, lines)
		}
	}
	if got := environment(map[string]string{"A": "a#b", "LD_PRELOAD": "/x", "BASH_ENV": "/x", "B": "after"}); got != "B=after" {
		t.Errorf("got %q", got)
	}
}

// readByPAM reads lines as pam_env(8) does (Linux-PAM 1.7).
func readByPAM(text string) map[string]string {
	read, held := map[string]string{}, ""
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		line = held + strings.TrimSpace(line)
		if before, continued := strings.CutSuffix(line, `\`); continued {
			held = before
			continue
		}
		held = ""
		name, value, _ := strings.Cut(line, "=")
		if value != "" && strings.ContainsAny(value[:1], `"'`) {
			value = value[1:]
			if value != "" && strings.ContainsAny(value[len(value)-1:], `"'`) {
				value = value[:len(value)-1]
			}
		}
		read[name] = value
	}
	return read
}

// TestProfile runs it as login shells do.
func TestProfile(t *testing.T) {
	for _, value := range append(values, "a#b", "#") {
		script := profile(map[string]string{"A": value, "PATH": "/x", "UID": "5"}) + "\nprintf '<%s|%s>' \"$A\" \"$PATH\""
		if out, err := exec.Command("/bin/sh", "-c", script).CombinedOutput(); err != nil || string(out) != "<"+value+"|/x>" {
			t.Errorf("%q: %s, %v", value, out, err)
		}
	}
}

// TestUnitEnvironment has systemd read the lines, where there is one.
func TestUnitEnvironment(t *testing.T) {
	const generator = "/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator"
	if _, err := os.Stat(generator); err != nil {
		t.Skip("this host has no systemd")
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "environment.d"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, value := range append(values, "a#b", "#", "a $ b", "$") {
		if value == "~" || strings.Contains(value, "\t") {
			continue // the shell does not read these as the generator writes them
		}
		text := unitEnvironment(map[string]string{"RDD_TEST": value}) + "\n"
		if err := os.WriteFile(filepath.Join(dir, "environment.d", "99-rdd.conf"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(generator)
		cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+dir)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		got, err := exec.Command("/bin/sh", "-c", string(out)+"\nprintf '<%s>' \"$RDD_TEST\"").CombinedOutput()
		if err != nil || string(got) != "<"+value+">" {
			t.Errorf("%q: got %s from %s, %v", value, got, out, err)
		}
	}
}

// TestFilesThatAreKept: they go with the last variable.
func TestFilesThatAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "file")
	for _, text := range []string{"one", "two\nlines", ""} {
		if out, err := bootFunctions(t, `keep "$@"`, path, text); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		got, err := os.ReadFile(path)
		if text == "" && !os.IsNotExist(err) || text != "" && string(got) != text+"\n" {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
}

func TestEnvironment(t *testing.T) {
	got := environment(map[string]string{"B": "it's me", "A": "", "C": ` blank `, "D": `"quoted"`, "E": "a=b"})
	if want := "A=\nB=it's me\nC=\" blank \"\nD='\"quoted\"'\nE=a=b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSSHEnvironment(t *testing.T) {
	for want, env := range map[string]map[string]string{
		"":                           {"A": "plain", "B": `"`},
		`SetEnv COLOUR="#fff"`:       {"COLOUR": "#fff", "A": "plain"},
		`SetEnv A="a#b c" B="\"#\\"`: {"B": `"#\`, "A": "a#b c"},
	} {
		if got := sshEnvironment(env); got != want {
			t.Errorf("%v: got %s, want %s", env, got, want)
		}
	}
}
