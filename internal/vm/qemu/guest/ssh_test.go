// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// sshFunctions runs a line with the boot script's functions, in which dir is the root directory.
// sshd knows the setting for penalties if new is true.
func sshFunctions(t *testing.T, dir string, new bool, line string) string {
	t.Helper()
	functions, _, _ := strings.Cut(bootScript, "mkdir -p /var/lib/rdd\n")
	functions = strings.NewReplacer("/etc/", dir+"/etc/", "/run/", dir+"/run/", "/sys/", dir+"/sys/").Replace(functions)
	stubs := "systemctl() { echo systemctl \"$@\"; }\nsshd() { false; }\nown_ssh_port=65023\n"
	if new {
		stubs += "sshd() { [ \"$*\" = '-t -o PerSourcePenalties=no' ]; }\n"
	}
	out, err := exec.Command("/bin/sh", "-c", functions+stubs+line).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

// root makes a directory with the given directories in it.
func root(t *testing.T, dirs ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range append(dirs, "run", "etc/ssh") {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestLimitSSH: sshd punishes nobody, and leaves port 22 where it may.
func TestLimitSSH(t *testing.T) {
	const limits = "# by rdd\nMaxStartups 100\nMaxSessions 100\nLoginGraceTime 60\n"
	for _, tc := range []struct {
		name, port string
		new        bool
		want       string
	}{
		{"an image of rdd's", "65022", true, limits + "PerSourcePenalties no\nPort 65022\n"},
		{"another one", "", true, limits + "PerSourcePenalties no\n"},
		{"an old sshd", "", false, limits},
	} {
		dir := root(t, "etc/ssh/sshd_config.d")
		for range 2 {
			sshFunctions(t, dir, tc.new, "ssh_port="+tc.port+"\nlimit_ssh")
			if got, err := os.ReadFile(dir + "/etc/ssh/sshd_config.d/00-rdd.conf"); err != nil || string(got) != tc.want {
				t.Errorf("%s: %q, %v", tc.name, got, err)
			}
		}
	}
	dir := root(t)
	sshFunctions(t, dir, true, "ssh_port=\nlimit_ssh")
	if _, err := os.Stat(dir + "/etc/ssh/sshd_config.d"); err == nil {
		t.Error("an sshd that reads no such directory was given one")
	}
}

// TestOwnSSHServer: rdd has an sshd of its own where there are systemd and an sshd that may listen
// on any port.
func TestOwnSSHServer(t *testing.T) {
	for _, tc := range []struct {
		name, dir, selinux string
		want               bool
	}{
		{"systemd", "run/systemd/system", "", true},
		{"no systemd", "run", "", false},
		{"SELinux does not decide", "run/systemd/system", "0", true},
		{"SELinux decides", "run/systemd/system", "1", false},
	} {
		dir := root(t, tc.dir, "sys/fs/selinux", "etc/ssh/sshd_config.d")
		if tc.selinux != "" {
			if err := os.WriteFile(dir+"/sys/fs/selinux/enforce", []byte(tc.selinux), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		out := sshFunctions(t, dir, true, "ssh_port=\nlimit_ssh\nserve_rdd")
		unit, _ := os.ReadFile(dir + "/run/systemd/system/rdd-ssh.service")
		const command = "ExecStart=sshd -D -p 65023 -o PidFile=none -o MaxStartups=100 -o MaxSessions=100 -o PerSourcePenalties=no\n"
		if strings.Contains(string(unit), command) != tc.want || strings.Contains(out, "systemctl start --no-block rdd-ssh.service") != tc.want {
			t.Errorf("%s: %s: %s", tc.name, out, unit)
		}
	}
}
