// SPDX-License-Identifier: Apache-2.0

package template

import (
	"strings"
	"testing"
)

func TestLoadRefusesMounts(t *testing.T) {
	mount := func(text string) string { return minimal + "mounts:\n- {location: /a}\n- " + text + "\n" }
	testRefusals(t, []refusal{
		{
			"no location", mount("{writable: true}"),
			noMachine + "field `mounts[1].location` must be given: the host's directory (line 4, column 3)",
		},
		{
			"relative location", mount("{location: a/b}"),
			noMachine + "field `mounts[1].location` must be an absolute path; got `a/b` (line 4, column 14)",
		},
		{
			"other user's home", mount("{location: ~joe}"),
			noMachine + "field `mounts[1].location` must be an absolute path; got `~joe` (line 4, column 14)",
		},
		{
			"location with a line break", mount("{location: \"/x\\n\"}"),
			noMachine + `field ` + "`mounts[1].location`" + ` must be one line of visible characters; got '\n' in it (line 4, column 14)`,
		},
		{
			"relative mount point", mount("{location: /x, mountPoint: x}"),
			noMachine + "field `mounts[1].mountPoint` must be an absolute path; got `x` (line 4, column 30)",
		},
		{
			"tilde in the guest", mount("{location: /x, mountPoint: ~/x}"),
			noMachine + "field `mounts[1].mountPoint` must be an absolute path; got `~/x` (line 4, column 30)",
		},
		{
			"the same twice", mount("{location: /a/./}"),
			noMachine + "field `mounts[1].mountPoint` must not be `/a`, which mounts[0] has already (line 4, column 3)",
		},
		{
			"the same mount point", mount("{location: /x, mountPoint: '/b/../a'}"),
			noMachine + "field `mounts[1].mountPoint` must not be `/a`, which mounts[0] has already (line 4, column 30)",
		},
		{
			"the same by an expression", mount("{location: /x, mountPoint: '{{if .Name}}/a{{end}}'}"),
			noMachine + "field `mounts[1].mountPoint` must not be `/a`, which mounts[0] has already (line 4, column 30)",
		},
		{
			"root", mount("{location: /}"),
			noMachine + "field `mounts[1].mountPoint` must not be `/`, a system directory of the guest (line 4, column 3)",
		},
		{
			"root by dots", mount("{location: /x, mountPoint: /x/../..}"),
			noMachine + "field `mounts[1].mountPoint` must not be `/`, a system directory of the guest (line 4, column 30)",
		},
		{
			"usr", mount("{location: /x, mountPoint: /usr/}"),
			noMachine + "field `mounts[1].mountPoint` must not be `/usr`, a system directory of the guest (line 4, column 30)",
		},
		{
			"below proc", mount("{location: /x, mountPoint: /proc/x}"),
			noMachine + "field `mounts[1].mountPoint` must not be `/proc/x`, a system directory of the guest (line 4, column 30)",
		},
		{
			"guest's home", mount("{location: /x, mountPoint: '{{.Home}}'}"),
			noMachine + "field `mounts[1].mountPoint` must not be `/g`, the home of the guest's own user (line 4, column 30)",
		},
		{
			"writable", mount("{location: /x, writable: maybe}"),
			noMachine + "field `mounts[1].writable` must be true or false; got `maybe` (line 4, column 28)",
		},
		{
			"9p tuning", mount("{location: /x, 9p: {securityModel: mapped-xattr}}"),
			noMachine + "field `mounts[1].9p.securityModel` must be `none`; got `mapped-xattr`: rdd sets this itself (line 4, column 38)",
		},
		{
			"sshfs tuning", mount("{location: /x, sshfs: {cache: false}}"),
			noMachine + "field `mounts[1].sshfs.cache` must be `true`; got `false`: rdd sets this itself (line " +
				"4, column 33)",
		},
	})
}

func TestLoadTakesMounts(t *testing.T) {
	text := minimal + `mounts:
- {location: "~"}
- {location: "~/src", mountPoint: "{{.Home}}/src", writable: true}
- {location: /usr/share, mountPoint: /usr/share/host}
- {location: "/a b/ü", sshfs: {cache: true, followSymlinks: false, sftpDriver: builtin},
   9p: {securityModel: none, cache: mmap}, virtiofs: {queueSize: 1024}}
`
	got, err := Load([]byte(text), nil, testHost)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Mounts) != 4 || got.Mounts[0].Writable || !got.Mounts[1].Writable {
		t.Errorf("got %+v", got.Mounts)
	}
}

func TestLoadRefusesProvision(t *testing.T) {
	step := func(text string) string { return minimal + "provision:\n- {script: x}\n- " + text + "\n" }
	testRefusals(t, []refusal{
		{
			"mode", step("{mode: x, script: x}"),
			noMachine + "field `provision[1].mode` must be one of system, user, boot, data, dependency, yq; got `x` (line 4, column 10)",
		},
		{
			"mode of Lima", step("{mode: ansible, playbook: x}"),
			noMachine + "field `provision[1].playbook` is not honoured by this rdd: it belongs to mode `ansible`, which rdd does not have (line 4," +
				" column 29)",
		},
		{"no script", step("{mode: user}"), noMachine + "field `provision[1].script` must not be empty (line 4, column 3)"},
		{"null script", step("{mode: user, script: null}"), noMachine + "field `provision[1].script` must not be empty (line 4, column 24)"},
		{"blank script", step("{script: ' '}"), noMachine + "field `provision[1].script` must not be empty (line 4, column 12)"},
		{
			"script that expands to nothing", step("{script: '{{if eq .Name \"\"}}x{{end}}'}"),
			noMachine + "field `provision[1].script` must not be empty (line 4, column 12)",
		},
		{
			"script with NUL", step("{script: \"a\\0b\"}"),
			noMachine + "field `provision[1].script` must not hold NUL characters (line 4, column 12)",
		},
		{"script list", step("{script: [a, b]}"), noMachine + "field `provision[1].script` must be text; got a list (line 4, column 12)"},
		{
			"path of another mode", step("{script: x, path: /x}"),
			noMachine + "field `provision[1].path` belongs to mode `data`; the mode here is `system` (line 4, column 21)",
		},
		{
			"overwrite of another mode", step("{mode: boot, script: x, overwrite: false}"),
			noMachine + "field `provision[1].overwrite` belongs to mode `data`; the mode here is `boot` (line 4, column 38)",
		},
		{
			"data with script", step("{mode: data, path: /x, script: x}"),
			noMachine + "field `provision[1].script` must not be given with mode `data`, which writes `content` to `path` (line 4, column 34)",
		},
		{
			"data without path", step("{mode: data, content: x}"),
			noMachine + "field `provision[1].path` must be given with mode `data`: the file to write (line 4, column 3)",
		},
		{
			"data with relative path", step("{mode: data, path: x}"),
			noMachine + "field `provision[1].path` must be an absolute path; got `x` (line 4, column 22)",
		},
		{
			"data for a directory", step("{mode: data, path: /x/}"),
			noMachine + "field `provision[1].path` must be a file's path, not a directory's; got `/x/` (line 4, column 22)",
		},
		{
			"data with letters", step("{mode: data, path: /x, permissions: rw-r}"),
			noMachine + "field `provision[1].permissions` must be 3 or 4 octal digits such as \"644\"; got `rw-r` (line 4, column 39)",
		},
		{
			"data with decimal digits", step("{mode: data, path: /x, permissions: 688}"),
			noMachine + "field `provision[1].permissions` must be 3 or 4 octal digits such as \"644\"; got `688` (line 4, column 39)",
		},
		{
			"data with a strange owner", step("{mode: data, path: /x, owner: 'a;b'}"),
			noMachine + "field `provision[1].owner` must be a user, or a user and a group such as `root:root`; got `a;b` (line 4, column 33)",
		},
		{
			"data with NUL", step("{mode: data, path: /x, content: \"\\0\"}"),
			noMachine + "field `provision[1].content` must not hold NUL characters (line 4, column 35)",
		},
		{
			"data overwrite", step("{mode: data, path: /x, overwrite: 1}"),
			noMachine + "field `provision[1].overwrite` must be true or false; got `1` (line 4, column 37)",
		},
		{
			"file", step("{file: ./x.sh}"),
			noMachine + "field `provision[1].file` names another file, which is read only when a virtual machine is created from a file: `rdd " +
				"limavm create NAME FILE` reads them and stores one template (line 4, column 10)",
		},
		{
			"misspelled mode field", step("{modus: user, script: x}"),
			noMachine + "field `provision[1].modus` is not a field that rdd knows here; there are: content, expression, file, format, mode, " +
				"overwrite, owner, path, permissions, playbook, script, skipDefaultDependencyResolution (line 4, column 4)",
		},
	})
}

func TestLoadRefusesProbes(t *testing.T) {
	testRefusals(t, []refusal{
		{
			"mode", minimal + "probes: [{script: x, mode: liveness}]\n",
			noMachine + "field `probes[0].mode` must be one of readiness; got `liveness` (line 2, column 28)",
		},
		{"no script", minimal + "probes: [{hint: x}]\n", noMachine + "field `probes[0].script` must not be empty (line 2, column 10)"},
		{
			"file", minimal + "probes: [{file: x}]\n",
			noMachine + "field `probes[0].file` names another file, which is read only when a virtual machine is created from a file: `rdd limavm " +
				"create NAME FILE` reads them and stores one template (line 2, column 17)",
		},
	})
}

func TestLoadRefusesForwards(t *testing.T) {
	rule := func(text string) string { return minimal + "portForwards:\n- " + text + "\n" }
	long := "/" + strings.Repeat("b", 110)
	testRefusals(t, []refusal{
		{
			"socket to nowhere", rule("{guestSocket: /a}"),
			noMachine + "field `portForwards[0].hostSocket` must be given: where the guest's socket is reached on the host (line 3, column 3)",
		},
		{
			"socket from nowhere", rule("{hostSocket: /a}"),
			noMachine + "field `portForwards[0].guestSocket` must be given: what in the guest the host's socket leads to (line 3, column 3)",
		},
		{
			"relative guest socket", rule("{guestSocket: a, hostSocket: /b}"),
			noMachine + "field `portForwards[0].guestSocket` must be an absolute path; got `a` (line 3, column 17)",
		},
		{
			"long socket", rule("{guestSocket: /a, hostSocket: " + long + "}"),
			noMachine + "field `portForwards[0].hostSocket` must be a path of at most 103 bytes, the limit for Unix sockets; got `" + long +
				"` (line 3, column 33)",
		},
		{
			"socket and port of the guest", rule("{guestSocket: /a, guestPort: 1, hostSocket: /b}"),
			noMachine + "field `portForwards[0].guestSocket` must not be given beside the guest's port (line 3, column 17)",
		},
		{
			"socket and port of the host", rule("{guestSocket: /a, hostPort: 1, hostSocket: /b}"),
			noMachine + "field `portForwards[0].hostSocket` must not be given beside the host's port (line 3, column 46)",
		},
		{
			"socket to many ports", rule("{guestSocket: /a, hostPortRange: [1, 2]}"),
			noMachine + "field `portForwards[0].hostPortRange` must be one port: a socket cannot lead to several (line 3, column 36)",
		},
		{
			"many ports to a socket", rule("{guestPortRange: [1, 2], hostSocket: /a}"),
			noMachine + "field `portForwards[0].guestPortRange` must be one port: a socket cannot lead to several (line 3, column 20)",
		},
		{
			"ignored socket", rule("{guestSocket: /a, ignore: true}"),
			noMachine + "field `portForwards[0].ignore` does not go with a socket: nothing forwards one that no rule names (line 3, column 29)",
		},
		{
			"port 22", rule("{guestPort: 22}"),
			noMachine + "field `portForwards[0].guestPort` must not be 22: that is ssh, which rdd forwards itself (line 3, column 15)",
		},
		{
			"host port 22", rule("{guestPort: 1, hostPort: 22}"),
			noMachine + "field `portForwards[0].hostPort` must not be 22: that is ssh, which rdd forwards itself (line 3, column 28)",
		},
		{
			"port too high", rule("{guestPort: 65536}"),
			noMachine + "field `portForwards[0].guestPort` must be between 1 and 65535; got 65536 (line 3, column 15)",
		},
		{
			"port below", rule("{hostPort: -1}"),
			noMachine + "field `portForwards[0].hostPort` must be between 1 and 65535; got -1 (line 3, column 14)",
		},
		{
			"port text", rule("{guestPort: http}"),
			noMachine + "field `portForwards[0].guestPort` must be an integer; got `http` (line 3, column 15)",
		},
		{
			"range of one", rule("{guestPortRange: [1]}"),
			noMachine + "field `portForwards[0].guestPortRange` must be two ports, the first and the last, such as [8000, 8010] (line 3, column 20)",
		},
		{
			"range text", rule("{guestPortRange: 1-2}"),
			noMachine + "field `portForwards[0].guestPortRange` must be a list; got `1-2` (line 3, column 20)",
		},
		{
			"range of text", rule("{guestPortRange: [1, b]}"),
			noMachine + "field `portForwards[0].guestPortRange[1]` must be an integer; got `b` (line 3, column 24)",
		},
		{
			"range from 0", rule("{guestPortRange: [0, 9]}"),
			noMachine + "field `portForwards[0].guestPortRange` must be between 1 and 65535; got 0 (line 3, column 20)",
		},
		{
			"range backwards", rule("{hostPortRange: [9, 8]}"),
			noMachine + "field `portForwards[0].hostPortRange` must begin with its lower port; got [9, 8] (line 3, column 19)",
		},
		{
			"range and port", rule("{guestPort: 1, guestPortRange: [1, 2]}"),
			noMachine + "field `portForwards[0].guestPortRange` must not be given beside `guestPort` (line 3, column 34)",
		},
		{
			"ranges that differ", rule("{guestPortRange: [10, 12], hostPortRange: [10, 13]}"),
			noMachine + "field `portForwards[0].hostPortRange` must be as many ports as the guest's (3); got 4 (line 3, column 45)",
		},
		{
			"one host port for all", rule("{hostPort: 80}"),
			noMachine + "field `portForwards[0].hostPort` must go with one port of the guest: give `guestPort` (line 3, column 14)",
		},
		{
			"guest address", rule("{guestIP: localhost}"),
			noMachine + "field `portForwards[0].guestIP` must be an IP address; got `localhost` (line 3, column 13)",
		},
		{
			"guest address with a zone", rule("{guestIP: 'fe80::1%eth0'}"),
			noMachine + "field `portForwards[0].guestIP` must be an IP address; got `fe80::1%eth0` (line 3, column 13)",
		},
		{
			"host address", rule("{hostIP: 1.2.3}"),
			noMachine + "field `portForwards[0].hostIP` must be an IP address; got `1.2.3` (line 3, column 12)",
		},
		{
			"must be zero", rule("{guestIP: 127.0.0.1, guestIPMustBeZero: true}"),
			noMachine + "field `portForwards[0].guestIPMustBeZero` can be true only with a guestIP of 0.0.0.0; it is 127.0.0.1 (line 3, column 43)",
		},
		{
			"proto", rule("{proto: icmp}"), noMachine + "field `portForwards[0].proto` must be one of tcp, udp, any; got `icmp` (line 3, column 11)",
		},
		{
			"udp socket", rule("{guestSocket: /a, hostSocket: /b, proto: udp}"),
			noMachine + "field `portForwards[0].proto` must be `tcp` or left out for a socket; got `udp` (line 3, column 44)",
		},
		{
			"reverse", rule("{guestSocket: /a, hostSocket: /b, reverse: back}"),
			noMachine + "field `portForwards[0].reverse` must be true or false; got `back` (line 3, column 46)",
		},
		{
			"static and ignored", rule("{guestPort: 80, static: true, ignore: true}"),
			noMachine + "field `portForwards[0].static` does not go with `ignore` (line 3, column 27)",
		},
		{
			"static UDP", rule("{guestPort: 80, static: true, proto: udp}"),
			noMachine + "field `portForwards[0].static` is for TCP: UDP is forwarded while something listens on it (line 3, column 27)",
		},
		{
			"static socket", rule("{guestSocket: /a, hostSocket: /b, static: true}"),
			noMachine + "field `portForwards[0].static` does not go with a socket, which is forwarded all the time anyway (line 3, column 45)",
		},
		{
			"static everything", rule("{static: true}"),
			noMachine + "field `portForwards[0].static` must name the guest's port, or a range of at most 100 (line 3, column 12)",
		},
	})
}

func TestLoadTakesForwards(t *testing.T) {
	text := minimal + `portForwards:
- {guestPort: 80, hostPort: 80, guestPortRange: [80, 80], hostPortRange: [80, 80]}
- {guestPortRange: [80, 90], hostPortRange: [8080, 8090]}
- {guestPort: 1, hostSocket: /a}
- {guestSocket: /a, hostPort: 1}
- {guestSocket: /a, hostPortRange: [7, 7], proto: tcp}
- {guestIP: "::", guestIPMustBeZero: true}
- {guestIPMustBeZero: true, ignore: true}
- {reverse: false, static: false}
- {}
`
	if _, err := Load([]byte(text), nil, testHost); err != nil {
		t.Error(err)
	}
}

func TestLoadRefusesCopies(t *testing.T) {
	at := func(copies string) string { return minimal + "copyToHost: [" + copies + "]\n" }
	testRefusals(t, []refusal{
		{"no host", at("{guest: /a}"), noMachine + "field `copyToHost[0].host` must be an absolute path; got `` (line 2, column 14)"},
		{"no guest", at("{host: /a}"), noMachine + "field `copyToHost[0].guest` must be an absolute path; got `` (line 2, column 14)"},
		{
			"a directory", at("{guest: /a, host: /b/}"),
			noMachine + "field `copyToHost[0].host` must be a file's path, not a directory's; got `/b/` (line 2, column 32)",
		},
		{
			"a file of the instance directory", at("{guest: /a, host: '{{.Dir}}/sub/../rdd.json'}"),
			noMachine + "field `copyToHost[0].host` must not be in the instance directory itself, but in a directory there such as " +
				"`{{.Dir}}/copied-from-guest` (line 2, column 32)",
		},
		{
			"unknown", at("{guest: /a, host: /b, mode: 1}"),
			noMachine + "field `copyToHost[0].mode` is not a field that rdd knows here; there are: deleteOnStop, guest, host, skipIfMissing (line " +
				"2, column 36)",
		},
	})
}

func TestLoadTakesCopies(t *testing.T) {
	got := loadShape(t, minimal+"copyToHost: [{guest: '{{.Home}}/k', host: '{{.Dir}}/copied/k', deleteOnStop: true, skipIfMissing: true}]\n")
	want := CopyToHost{Guest: testValues().Guest.Home + "/k", Host: testValues().Dir + "/copied/k", DeleteOnStop: true, SkipIfMissing: true}
	if len(got.CopyToHost) != 1 || got.CopyToHost[0] != want {
		t.Errorf("got %+v, want %+v", got.CopyToHost, want)
	}
}

func TestLoadRefusesYQ(t *testing.T) {
	at := func(step string) string { return minimal + "provision: [{mode: yq, " + step + "}]\n" }
	testRefusals(t, []refusal{
		{
			"no path", at("expression: .a = 1"),
			noMachine + "field `provision[0].path` must be given with mode `yq`: the file to change (line 2, column 13)",
		},
		{"no expression", at("path: /x.json"), noMachine + "field `provision[0].expression` must be given with mode `yq` (line 2, column 13)"},
		{
			"content", at("path: /x.json, expression: .a = 1, content: x"),
			noMachine + "field `provision[0].content` belongs to mode `data`; the mode here is `yq` (line 2, column 68)",
		},
		{
			"another mode", minimal + "provision: [{script: x, expression: .a = 1}]\n",
			noMachine + "field `provision[0].expression` belongs to mode `yq`; the mode here is `system` (line 2, column 37)",
		},
		{
			"no format", at("path: /x, expression: .a = 1"),
			noMachine + "field `provision[0].format` must be one of json, yaml, ini, or `auto` with a file's name that says which; got `auto` for " +
				"/x (line 2, column 13)",
		},
		{
			"no assignment", at("path: /x.json, expression: .a"),
			noMachine + "field `provision[0].expression` cannot be evaluated by rdd: the expression `.a`: it yields `null`, not the changed " +
				"file; an assignment yields that, such as `.a = 1`; a script of mode `system` can do it otherwise (line 2, column 51)",
		},
		{
			"the daemon's environment", at("path: /x.json, expression: .a = env(HOME)"),
			noMachine + "field `provision[0].expression` cannot be evaluated by rdd: the expression `.a = env(HOME)`: it reads the environment, " +
				"which it does not have here; a script of mode `system` can do it otherwise (line 2, column 51)",
		},
	})
}
