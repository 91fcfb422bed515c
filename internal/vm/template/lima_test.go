// SPDX-License-Identifier: Apache-2.0

package template

import (
	"reflect"
	"strings"
	"testing"
)

// The documents here have the fields of templates that Lima publishes, but are texts of our own,
// with other images.

const debianShape = `minimumLimaVersion: 2.0.0

base:
- template:_default/mounts

images:
- location: "https://images.example/debian-13-genericcloud-amd64.qcow2"
  arch: "x86_64"
  digest: "sha512:DIGEST"
  variant: "genericcloud"
- location: "https://images.example/debian-13-generic-riscv64.qcow2"
  arch: "riscv64"
  variant: "generic"
# What to take when the dated image is gone.

- location: https://images.example/debian-13-genericcloud-amd64-daily.qcow2
  arch: x86_64
  variant: "genericcloud"

mountTypesUnsupported: [9p]

param:
  internal_quietLookups: "true"
`

const ubuntuShape = `minimumLimaVersion: 1.1.0
base:
- template://_default/mounts
images:
- {location: "https://images.example/ubuntu-amd64.img", arch: x86_64}
- {location: "https://images.example/ubuntu-arm64.img", arch: aarch64}
- {location: "https://images.example/ubuntu-armhf.img", arch: armv7l}
- {location: "https://images.example/ubuntu-s390x.img", arch: s390x}
- {location: "https://images.example/ubuntu-ppc64el.img", arch: ppc64le}
`

const dockerShape = `base:
- template:_default/mounts
images: [{location: "https://images.example/ubuntu.img"}]
containerd:
  system: false
  user: false
provision:
- mode: system
  # Set up before the engine starts.
  script: |
    #!/bin/bash
    set -eux -o pipefail
    command -v docker >/dev/null 2>&1 && exit 0
    echo {{.Param.snapshotter}}
- mode: user
  script: |
    #!/bin/bash
    systemctl --user start something
probes:
- script: |
    #!/bin/bash
    timeout 30s bash -c "until pgrep rootlesskit; do sleep 3; done"
  hint: See the log in the guest
hostResolver:
  hosts:
    host.docker.internal: host.lima.internal
portForwards:
- guestSocket: "/run/user/{{.UID}}/docker.sock"
  hostSocket: "{{.Dir}}/sock/docker.sock"
message: |
  docker context create lima-{{.Name}} --docker "host=unix://{{.Dir}}/sock/docker.sock"
param:
  snapshotter: false
`

func loadShape(t *testing.T, text string) *Template {
	t.Helper()
	loaded, err := Load([]byte(text), nil, testHost)
	if err != nil {
		t.Fatal(err)
	}
	expanded, err := loaded.Expand(testValues())
	if err != nil {
		t.Fatal(err)
	}
	return expanded
}

func testValues() Values {
	return Values{
		Name: "rd", Dir: "/home/host/.rd2/lima/rd",
		Host:  User{Name: "host", Home: "/home/host", UID: 1000},
		Guest: User{Name: "guest", Home: "/home/guest.guest", UID: 1001},
	}
}

func debianShapeWithDigest() string {
	return strings.Replace(debianShape, "sha512:DIGEST", sha512Digest, 1)
}

func TestDebiansShape(t *testing.T) {
	got := loadShape(t, debianShapeWithDigest())
	if images := got.ArchImages(); len(images) != 2 || images[0].Digest == "" || images[1].Digest != "" {
		t.Errorf("images to try: %+v", images)
	}
	want := []Mount{
		{Location: "/home/host", MountPoint: "/home/host"},
	}
	if !reflect.DeepEqual(got.Mounts, want) {
		t.Errorf("mounts: %+v", got.Mounts)
	}
}

func TestUbuntusShape(t *testing.T) {
	if got := loadShape(t, ubuntuShape); len(got.ArchImages()) != 1 || len(got.Mounts) != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestDockersShape(t *testing.T) {
	got := loadShape(t, dockerShape)
	if f := got.PortForwards[0]; f.GuestSocket != "/run/user/1001/docker.sock" || f.HostSocket != "/home/host/.rd2/lima/rd/sock/docker.sock" {
		t.Errorf("forward %+v", f)
	}
	if !strings.Contains(got.Provision[0].Script, "echo false\n") || !strings.Contains(got.Message, "lima-rd --docker") {
		t.Errorf("got %+v", got)
	}
}

// nullShape has all fields of Lima, as its commented template has, where null stands for the
// default.
const nullShape = `# Basics
vmType: null
arch: null
images:
# The one that must be given.
- location: "https://images.example/x.img"
  arch: null
  digest: null
  kernel: null
  initrd:
  variant: null
cpus: null
memory: null   # half of it
disk: null
mounts:
- location: "~"
  # Where it is seen.
  mountPoint: null
  writable: null
  sshfs:
    cache: null
    followSymlinks: null
    sftpDriver: null
  9p:
    securityModel: null
    protocolVersion: null
    msize: null
    cache: null
  virtiofs:
    queueSize: null
- location: "{{.GlobalTempDir}}/lima"
  writable: true
mountTypesUnsupported:
# - "9p"
mountType: null
mountInotify: null
additionalDisks:
# - "data"
ssh:
  localPort: null
  address: null
  loadDotSSHPubKeys: null
  forwardAgent: null
  forwardX11: null
  forwardX11Trusted: null
  overVsock: null
caCerts:
  removeDefaults: null
  files:
  # - one.crt
  certs:
upgradePackages: null
containerd:
  system: null
  user: null
  # archives:
provision:
# - mode: system
probes:
minimumLimaVersion: null
vmOpts:
  qemu:
    minimumVersion: null
    cpuType:
    #   x86_64: "qemu64"
  vz:
    rosetta:
      enabled: null
      binfmt: null
os: null
cpuType:
rosetta:
  enabled: null
  binfmt: null
nestedVirtualization: null
timezone: null
firmware:
  legacyBIOS: null
  images:
audio:
  device: null
video:
  display: null
  vnc:
    display: null
networks:
# - lima: shared
portForwards:
copyToHost:
message: null
env:
param:
propagateProxyEnv: null
hostResolver:
  enabled: null
  ipv6: null
  hosts:
    #   guest.name: 127.1.1.1
dns:
guestInstallPrefix: null
plain: null
user:
  name: null
  comment: null
  home: null
  shell: null
  uid: null
base: null
osOpts: null
tpm: null
ofALaterLima: null
`

func TestEverythingNull(t *testing.T) {
	got := loadShape(t, nullShape)
	want := loadShape(
		t, "images: [{location: 'https://images.example/x.img'}]\nmounts: [{location: '~'}, {location: /tmp/lima, writable: true}]\n",
	)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
}

// TestNullShapeIsComplete compares the fields of nullShape with those that are known.
func TestNullShapeIsComplete(t *testing.T) {
	document, err := Parse([]byte(nullShape), "")
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]bool{}
	for i := 0; i < len(document.root.Content); i += 2 {
		given[document.root.Content[i].Value] = true
	}
	for name := range (&Template{}).fields() {
		if !given[name] {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestLoadTakesForwardAgent(t *testing.T) {
	got, err := Load([]byte(minimal+"ssh: {forwardAgent: true}\n"), nil, testHost)
	if err != nil || !got.SSH.ForwardAgent {
		t.Fatalf("%+v, %v", got, err)
	}
	roundTrip(t, got)
}
