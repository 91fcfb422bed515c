// SPDX-License-Identifier: Apache-2.0

package template

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// published says which fields the templates use that Lima publishes (August 2026), beside images,
// base, mounts, minimumLimaVersion, message, containerd that is off, and scripts of mode system and
// user. It lists facts about them; their text is Lima's.
var published = []struct {
	// names of templates that use the same fields.
	names string
	// fields in a value of the kind that they have.
	fields string
	// sshfs carries the mounts: the template says that the image's kernel has no 9p, or wants sshfs.
	sshfs bool
}{
	{"alpine-3.21 alpine-3.22 alpine-3.23 alpine-iso archlinux", "", false},
	{"fedora-42 fedora-43 fedora-44 opensuse-leap-16 opensuse-tumbleweed", "", false},
	{"ubuntu-20.04 ubuntu-22.04 ubuntu-24.04 ubuntu-25.04 ubuntu-25.10 ubuntu-26.10", "", false},
	{"gentoo", "mountType: 9p", false},
	{"ubuntu-26.04 default", "images: [{location: /x, variant: server}, {location: /y, variant: server, archVariant: v3}]", false},
	{"apptainer apptainer-rootful linuxbrew", "images: [{location: /x}, {location: /y, archVariant: v3}]\nprobes: [{script: x}]", false},
	{"faasd", "images: [{location: /x}, {location: /y, archVariant: v3}]\nportForwards: [{guestPort: 8080, hostPort: 8080}]", false},
	{"podman podman-rootful", "probes: [{script: x, hint: y}]\nportForwards: [{guestSocket: /s, hostSocket: '{{.Dir}}/sock/s'}]", false},
	{"k0s k3s rke2 u7s", "copyToHost: [{guest: /k, host: '{{.Dir}}/c/k', skipIfMissing: true, deleteOnStop: true}]", false},
	{"fedora-41 ubuntu-24.10", "mountTypesUnsupported: [9p]", true},
	{"debian-11 debian-12 debian-13 debian-sid", "mountTypesUnsupported: [9p]", true},
	{"almalinux-9 almalinux-kitten-10 rocky-9 rocky-10 oraclelinux-9 oraclelinux-10", "mountTypesUnsupported: [9p]", true},
	{"almalinux-10", "mountTypesUnsupported: [9p]\nimages: [{location: /x}, {location: /y, archVariant: v2}]", true},
	{"almalinux-8 rocky-8", "mountTypesUnsupported: [9p]\nvmOpts: {qemu: {cpuType: {x86_64: Haswell-v4}}}", true},
	{"oraclelinux-8", "firmware: {legacyBIOS: true}\nmountTypesUnsupported: [9p]\nvmOpts: {qemu: {cpuType: {x86_64: Haswell-v4}}}", true},
	{"centos-stream-9 centos-stream-10", "firmware: {legacyBIOS: true}\nmountTypesUnsupported: [9p]", true},
	{"docker", "provision: [{mode: yq, path: '{{.Home}}/x.json', expression: '.a.b = true | .c.d-e = {{.Param.x}}', owner: '{{.User}}'}]\n" +
		"param: {x: false}\nmessage: '{{if .Instance.Config.VMOpts.vz.rosetta.enabled}}x{{end}}'", false},
	{"docker-rootful", "provision: [{mode: yq, path: /x.conf, format: ini, expression: '.A.B=\"{{.User}}\"'}]", false},
	{"k8s", "containerd: {system: true, user: false}", false},
	{"buildkit", "containerd: {user: true}", false},
	{"opensuse-leap-15", "mountType: reverse-sshfs", true},
	{"alsa", "audio: {device: default}", false},
	{"vnc", "video: {display: vnc}", false},
	{"wsl2", "vmType: wsl2\nmountType: wsl2", false},
	{"fedora-rawhide", "base: ['fedora-rawhide:_images/fedora-rawhide']", false}, // names no file of Lima's
	{"freebsd-15 freebsd-16", "os: FreeBSD", false},
	{"macos-15 macos-26 homebrew-macos", "os: Darwin", false},
	{"windows-11 windows-2025", "os: Windows", false},
}

// TestPublishedTemplates keeps the count in docs/templates.md right.
func TestPublishedTemplates(t *testing.T) {
	var all, accepted, sshfs int
	var refused []string
	for _, p := range published {
		text := p.fields + "\n"
		if !strings.Contains(text, "images:") {
			text += minimal
		}
		count := len(strings.Fields(p.names))
		all += count
		loaded, err := Load([]byte(text), nil, testHost)
		if err != nil {
			refused = append(refused, p.names)
			t.Logf("%s: %v", p.names, err)
			continue
		}
		if got := loaded.MountDriver() == MountSSHFS; got != p.sshfs {
			t.Errorf("%s: mounts by %q", p.names, loaded.MountDriver())
		}
		accepted += count
		if p.sshfs {
			sshfs += count
		}
	}
	want := fmt.Sprintf("Of the %d templates that Lima publishes %d are accepted unchanged, %d of them with mounts over sshfs.",
		all, accepted, sshfs)
	t.Logf("%s\nrefused: %s", want, strings.Join(refused, " "))
	docs, err := os.ReadFile("../../../docs/templates.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(strings.Fields(string(docs)), " "), want) {
		t.Errorf("docs/templates.md does not say: %s", want)
	}
}
