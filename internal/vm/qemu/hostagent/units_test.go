// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"os/exec"
	"strings"
	"testing"
)

// show is a unit as `systemctl show` prints it: "Id=… ActiveState=…" on a line each.
func show(properties string) string { return strings.ReplaceAll(properties, " ", "\n") + "\n" }

const (
	well       = "Id=containerd.service LoadState=loaded ActiveState=active SubState=running Result=success ExecMainStatus=0 NRestarts=0"
	restarting = "Id=containerd.service LoadState=loaded ActiveState=activating SubState=auto-restart Result=exit-code ExecMainStatus=1 " +
		"NRestarts=7"
	again     = "Id=containerd.service LoadState=loaded ActiveState=activating SubState=start Result=success ExecMainStatus=0 NRestarts=8"
	flapping  = "Id=containerd.service LoadState=loaded ActiveState=active SubState=running Result=success ExecMainStatus=0 NRestarts=12"
	recovered = "Id=containerd.service LoadState=loaded ActiveState=active SubState=running Result=success ExecMainStatus=0 NRestarts=13"
)

// TestFailedUnits: what is said after several looks at the guest's units.
func TestFailedUnits(t *testing.T) {
	for _, tc := range []struct {
		name  string
		looks []string // the output at each
		want  string
	}{
		{"all well", []string{well}, ""},
		{"no systemd", []string{""}, ""},
		{"no such unit", []string{"Id=docker.service LoadState=not-found ActiveState=inactive SubState=dead Result=success"}, ""},
		{"masked", []string{"Id=docker.service LoadState=masked ActiveState=failed SubState=dead Result=exit-code"}, ""},
		{"stopped by somebody", []string{"Id=docker.service LoadState=loaded ActiveState=inactive SubState=dead Result=success"}, ""},
		{"its condition is not met", []string{"Id=docker.socket LoadState=loaded ActiveState=inactive SubState=dead Result=success"}, ""},
		{"is being started", []string{again}, ""},
		{"failed", []string{"Id=docker.service LoadState=loaded ActiveState=failed SubState=failed Result=exit-code ExecMainStatus=1"},
			"docker.service (exit code 1)"},
		{"killed", []string{"Id=dbus.service LoadState=loaded ActiveState=failed SubState=failed Result=signal ExecMainStatus=9"},
			"dbus.service (ended by signal 9)"},
		{"slow", []string{"Id=ssh.service LoadState=loaded ActiveState=failed SubState=failed Result=timeout"},
			"ssh.service (it takes too long)"},
		{"out of memory", []string{"Id=ssh.service LoadState=loaded ActiveState=failed Result=oom-kill"}, "ssh.service (out of memory)"},
		{"another result", []string{"Id=docker.socket LoadState=loaded ActiveState=failed Result=service-start-limit-hit"},
			"docker.socket (service-start-limit-hit)"},
		{"a file that is none", []string{"Id=docker.service LoadState=bad-setting ActiveState=inactive"},
			"docker.service (its file cannot be read)"},
		{"again and again", []string{restarting}, "containerd.service (exit code 1)"},
		{"in the next attempt", []string{restarting, again}, "containerd.service (exit code 1)"},
		{"between two failures", []string{well, flapping}, "containerd.service"},
		{"one restart is no failure", []string{flapping, recovered}, ""},
		{"well again", []string{restarting, flapping, recovered}, ""},
		{"two", []string{restarting + "\n\nId=docker.service LoadState=loaded ActiveState=failed Result=exit-code ExecMainStatus=2"},
			"containerd.service (exit code 1), docker.service (exit code 2)"},
		{"not asked for", []string{"Id=evil.service LoadState=loaded ActiveState=failed Result=exit-code"}, ""},
		{"too long", []string{"Id=docker.service LoadState=loaded ActiveState=failed Result=" + strings.Repeat("x", 500)},
			"docker.service (" + strings.Repeat("x", maxValue) + ")"},
		{"no units at all", []string{"garbage\n\n=\nId\n\n\n"}, ""},
	} {
		var watch unitWatch
		var got []string
		for _, output := range tc.looks {
			got = nil
			for _, f := range watch.look(parseUnits(show(output))) {
				text := f.Name
				if f.Reason != "" {
					text += " (" + f.Reason + ")"
				}
				got = append(got, text)
			}
		}
		if text := strings.Join(got, ", "); text != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, text, tc.want)
		}
	}
}

// TestUnitsCommand: root asks where the user cannot, and nobody where there is no systemd.
func TestUnitsCommand(t *testing.T) {
	for _, tc := range []struct{ name, dir, stubs, want string }{
		{"the user", "/", "systemctl() { echo \"user $1\"; }; sudo() { echo root; }", "user show\n"},
		{"root", "/", "systemctl() { return 1; }; sudo() { echo \"root $2 $3\"; }", "root systemctl show\n"},
		{"no systemd", "/no/such", "systemctl() { echo user; }; sudo() { echo root; }", ""},
	} {
		line := strings.ReplaceAll(unitsCommand(), "/run/systemd/system", tc.dir)
		out, err := exec.Command("/bin/sh", "-c", tc.stubs+"\n"+line).CombinedOutput()
		if err != nil || string(out) != tc.want {
			t.Errorf("%s: %q, %v", tc.name, out, err)
		}
	}
}
