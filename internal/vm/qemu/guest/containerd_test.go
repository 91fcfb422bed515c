// SPDX-License-Identifier: Apache-2.0

//go:build linux

package guest

import (
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm/template"
)

// containerdStubs are in the place of the guest's programs; has and lacks say which packages there
// are.
const containerdStubs = `
command() { case " $has " in *" $2 "*) ;; *) return 1 ;; esac; }
apt() { echo "apt $*"; case "$*" in *" $lacks"*) return 100 ;; esac; }
systemctl() { echo "systemctl $*"; }
`

func TestContainerd(t *testing.T) {
	const start = "systemctl enable --now containerd\n"
	const install, more = "apt update\napt install -y --no-install-recommends containerd runc\n", "apt install -y --no-install-recommends "
	all := install + more + "containernetworking-plugins\n" + more + "nerdctl\n" + more + "buildkit\n" + start
	for _, tc := range []struct {
		has, lacks, want string
		code             int
	}{
		{"containerd apt-get", "nothing", start + "s0\n", 0},
		{"apt-get", "nothing", all + "s0\n", 0},
		{
			"apt-get", "buildkit",
			strings.Replace(all, start, "containerd.system: going on without buildkit, which cannot be installed\n"+start, 1) + "s0\n", 0,
		},
		{"apt-get", "containerd", install + "containerd.system: containerd cannot be installed\ns0\n", 1},
		{
			"", "nothing",
			"containerd.system: this guest has no apt-get to install containerd with; install it by a script of mode dependency\ns0\n", 1,
		},
	} {
		tmpl := &template.Template{
			Containerd: template.Containerd{System: true}, Provision: []template.Provision{{Mode: template.ModeSystem, Script: "echo s0"}},
		}
		stubs := "has='" + tc.has + "' lacks=" + tc.lacks + containerdStubs
		if out, code := runProvisionWith(t, settings(tmpl), stubs); code != tc.code || out != tc.want {
			t.Errorf("%q without %q: code %d, got\n%s, want\n%s", tc.has, tc.lacks, code, out, tc.want)
		}
	}
	if script := string(settings(&template.Template{}).Provision()); strings.Contains(script, "\ncontainerd_system\n") {
		t.Error("it is installed where nobody wants it")
	}
}
