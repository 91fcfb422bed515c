// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/vm/qemu/protocol"
)

// effectsTemplate has every field that changes a guest or the host's view of it; %d are free ports
// of the host.
const effectsTemplate = `images: [{location: "rdd:docker"}]
cpus: 1
memory: 900MiB
disk: 9GiB
ssh: {localPort: %[1]d}
env: {GREETING: "it's me, $HOME", EDGES: " 'quoted' ", HASH: "a#b \"c\" \\d"}
param: {colour: green}
message: "{{.Name}} of {{.User}} is {{.Param.colour}}"
hostResolver:
  hosts: {one.example: 192.0.2.1, two.example: one.example, me.example: host.lima.internal}
provision:
- mode: data
  path: /etc/fx/data.conf
  content: "colour={{.Param.colour}}\n"
  owner: daemon:adm
  permissions: "640"
- {mode: data, path: /etc/debian_version, content: not this, overwrite: false}
- mode: boot
  script: |
    #!/bin/sh
    echo "sshd was $(systemctl is-active ssh), the file $(cat /etc/fx/data.conf)" >/var/fx-boot
- mode: system
  script: |
    #!/bin/bash
    echo "$(id -un) $PARAM_colour {{.Param.colour}} $GREETING" >/var/fx-system
    systemd-run --quiet bash -c 'sleep 3; touch /run/fx-ready'
- mode: user
  script: |
    #!/bin/sh
    echo "$(id -un) $PARAM_colour $(pwd)" >~/fx-user
probes:
- description: what the system script has left running
  hint: see /run/rdd/provision.log
  script: |
    #!/bin/sh
    [ -e /run/fx-ready ] && [ "$PARAM_colour" = green ]
portForwards:
- {guestPort: 8090, ignore: true}
- {guestPort: 8091, hostPort: %[2]d}
- {guestPortRange: [8100, 8102], hostPortRange: [%[3]d, %[4]d]}
- {guestIP: "::1", guestPort: 8092, hostPort: %[5]d}
- {guestPort: 5399, hostPort: %[6]d, proto: udp}
- {guestSocket: /run/fx.sock, hostSocket: "{{.Dir}}/fx.sock"}
`

// effectsVM is the machine's name.
const effectsVM = "fx"

// effects is one guest whose template has all fields, and the ports of the host that it names.
type effects struct {
	*world
	ssh, tcp, ipv6, udp int
	ranged              int // the first of three
}

// TestTemplateEffects shows each field of a template by what it does in the guest or on the host,
// on one guest.
func TestTemplateEffects(t *testing.T) {
	w := newWorld(t, "")
	ports := freePorts(t)
	fx := effects{world: w, ssh: ports[0], tcp: ports[1], ipv6: ports[2], udp: ports[3], ranged: ports[4]}
	template := fmt.Sprintf(effectsTemplate, fx.ssh, fx.tcp, fx.ranged, fx.ranged+2, fx.ipv6, fx.udp)
	template = withMounts(t, w, template)
	file := filepath.Join(w.home, "fx.yaml")
	if err := os.WriteFile(file, []byte(template), 0o600); err != nil {
		t.Fatal(err)
	}
	w.expectIn(w.rdd("limavm", "create", effectsVM, file, "--start", timeout), "fx of ")

	for _, part := range []struct {
		name  string
		check func(effects)
	}{
		{"guest", checkGuestEffects},
		{"probe", checkProbe},
		{"message", checkMessage},
		{"ssh.localPort", checkSSHPort},
		{"ports come", checkPortsCome},
		{"daemon killed", checkConnectionOutlivesDaemon},
		{"ports go", checkPortsGo},
		{"UDP", checkUDP},
		{"clock", checkClock},
		{"mounts", checkMounts}, // last: it kills daemon and hostagent
	} {
		t.Run(part.name, w.with(func(inner *world) {
			fx := fx
			fx.world = inner
			part.check(fx)
		}))
	}
	w.rdd("limavm", "delete", effectsVM, timeout)
}

// in runs a line of shell in the guest.
func (fx effects) in(line string) string {
	fx.t.Helper()
	return fx.rdd("limavm", "shell", effectsVM, line)
}

// guestQuestions are asked in one session: a name, how to find it out, and the answer.
var guestQuestions = []struct{ name, line, want string }{
	{"cpus", "nproc", "1"},
	{"memory", "awk '/MemTotal/ {print ($2 > 750000 && $2 <= 921600)}' /proc/meminfo", "1"},
	{"disk", "cat /sys/class/block/vda/size", "18874368"}, // 9 GiB in sectors of 512 bytes
	{"file system", "df --output=size -B1M / | awk 'NR == 2 {print ($1 > 8500)}'", "1"},
	{"hostname", "hostname", effectsVM},
	{"env", "echo $GREETING", "it's me, $HOME"},
	{"env with edges", `printf '<%s>' "$EDGES"`, "< 'quoted' >"},
	{"env with a hash", `echo "$HASH"`, `a#b "c" \d`},
	{"env in a login shell", "bash -lc 'echo $GREETING'", "it's me, $HOME"},
	{"provision: data", "stat -c '%U:%G %a' /etc/fx/data.conf && sudo cat /etc/fx/data.conf", "daemon:adm 640\ncolour=green"},
	{"provision: data that is there", "grep -c 'not this' /etc/debian_version", "0"},
	{"provision: boot", "cat /var/fx-boot", "sshd was inactive, the file colour=green"},
	{"provision: system", "cat /var/fx-system", "root green green it's me, $HOME"},
	{"provision: user", `[ "$(cat ~/fx-user)" = "$(id -un) green $HOME" ] && echo as expected`, "as expected"},
	{"home", `echo "$HOME" | sed 's/.*\././'`, ".guest"},
	{"hostResolver: address", "getent hosts one.example | awk '{print $1}'", "192.0.2.1"},
	{"hostResolver: name", "getent hosts two.example | awk '{print $1}'", "192.0.2.1"},
	{"hostResolver: the host", "getent hosts me.example | awk '{print $1}'", "10.0.2.2"},
	{
		"names of the host", "getent hosts host.lima.internal host.docker.internal host.rancher-desktop.internal | awk '{print $1}' | uniq",
		"10.0.2.2",
	},
	{"modules that need no hardware", "sudo modprobe -a vcan can_raw iscsi_tcp uinput snd_dummy vhci_hcd && echo loaded", "loaded"},
	{"port 22 is for containers", "ss -ltnH 'sport = :22' | wc -l", "0"},
	{"rdd's own sshd", "systemctl is-active rdd-ssh", "active"},
	{"nobody is punished", "sudo sshd -T | grep -ci '^persourcepenalties no'", "1"},
}

func checkGuestEffects(fx effects) {
	var script strings.Builder
	for _, q := range guestQuestions {
		script.WriteString(q.line + "\necho '----'\n")
	}
	answers := strings.Split(fx.in(script.String()), "----")
	for i, q := range guestQuestions {
		got := ""
		if i < len(answers) {
			got = strings.Trim(answers[i], "\r\n")
		}
		if got != q.want {
			fx.t.Errorf("%s: got %q, want %q", q.name, got, q.want)
		}
	}
}

// checkProbe: the machine was not running before the probe passed.
func checkProbe(fx effects) {
	events := fx.events()
	probing := slices.IndexFunc(events, func(e protocol.Event) bool { return e.Progress != nil && e.Progress.Step == "probing" })
	running := slices.IndexFunc(events, func(e protocol.Event) bool { return e.Status.Running })
	if probing < 0 || running < probing {
		fx.t.Fatalf("probing is event %d, running %d", probing, running)
	}
	fx.t.Logf("probing took %s", events[running].Time.Sub(events[probing].Time).Round(time.Millisecond))
	fx.in("test -e /run/fx-ready")
}

// machine is the VM as the API shows it.
func (fx effects) machine() *limav1.LimaVM {
	fx.t.Helper()
	return fx.await(effectsVM, func(*limav1.LimaVM) bool { return true })
}

func (fx effects) dir() string { return filepath.Join(fx.inst.LimaHome(), effectsVM) }

func (fx effects) events() []protocol.Event {
	fx.t.Helper()
	file, err := os.Open(filepath.Join(fx.dir(), "ha.stdout.log"))
	if err != nil {
		fx.t.Fatal(err)
	}
	defer file.Close()
	events, err := protocol.ReadEvents(file)
	if err != nil {
		fx.t.Fatal(err)
	}
	return events
}

func checkMessage(fx effects) {
	fx.expectIn(fx.machine().Status.Message, " is green")
}

func checkSSHPort(fx effects) {
	fx.expect(strconv.Itoa(int(fx.machine().Status.SSHLocalPort)), strconv.Itoa(fx.ssh))
	conn, err := net.Dial("tcp", local(fx.ssh))
	if err != nil {
		fx.t.Fatal(err)
	}
	defer conn.Close()
	banner := make([]byte, 8)
	if _, err := io.ReadFull(conn, banner); err != nil || string(banner) != "SSH-2.0-" {
		fx.t.Errorf("%q, %v", banner, err)
	}
}

// checkClock: a clock that is wrong, as after the host has slept, is set within seconds.
func checkClock(fx effects) {
	fx.in("sudo date -s '-2 hours' >/dev/null; while [ $(date +%s) -lt " + strconv.FormatInt(time.Now().Unix(), 10) + " ]; do sleep 1; done")
	before := time.Now()
	guest, err := strconv.ParseInt(fx.in("date +%s"), 10, 64)
	if err != nil {
		fx.t.Fatal(err)
	}
	if after := time.Now(); guest < before.Unix()-2 || guest > after.Unix()+2 {
		fx.t.Errorf("the guest's clock shows %d, the host's %d to %d", guest, before.Unix(), after.Unix())
	}
}
