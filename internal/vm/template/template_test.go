// SPDX-License-Identifier: Apache-2.0

package template

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
)

var testHost = Host{Arch: ArchX8664, CPUs: 4, Memory: 8 << 30}

const minimal = "images: [{location: 'rdd:docker'}]\n"

func TestLoadFillsDefaults(t *testing.T) {
	got, err := Load([]byte(minimal), nil, testHost)
	if err != nil {
		t.Fatal(err)
	}
	want := &Template{
		VMType: "qemu", Arch: ArchX8664, CPUs: 2, Memory: 2 << 30, Disk: 20 << 30,
		Images: []Image{{Location: "rdd:docker", Arch: ArchX8664}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// digests of the forms that are accepted.
var (
	sha256Digest = "sha256:" + strings.Repeat("0a", 32)
	sha512Digest = "sha512:" + strings.Repeat("f9", 64)
)

// full has every field that is honoured.
var full = `# a machine with everything
vmType: qemu
arch: x86_64
images:
- location: rdd:docker
  arch: aarch64
- {location: "rdd:other", arch: x86_64}
- location: https://images.example/debian.qcow2
  arch: x86_64
  digest: ` + sha512Digest + `
- location: ~/images/own.raw
  kernel: {location: "file:///boot/vmlinuz", digest: "` + sha256Digest + `", cmdline: "root=/dev/vda ro", arch: x86_64}
  initrd: {location: /boot/initrd, digest: "` + sha256Digest + `"}
  arch: x86_64
cpus: 3
memory: 1.5GiB
disk: "30G"
mounts:
- location: "~"
- {location: "{{.GlobalTempDir}}/{{.Name}}", mountPoint: "/mnt/{{.Param.greeting}}", writable: true}
env: {HTTP_PROXY: "http://p:1", NUMBER: 7, WHO: "{{.User}}"}
param: {greeting: hello, flag: "true"}
provision:
- script: "echo {{.Param.greeting}} {{.User}}"
- mode: user
  script: "{{if eq .Param.flag \"true\"}}touch {{.Home}}/x{{end}}"
- {mode: boot, script: "true"}
- mode: data
  path: "{{.Home}}/.config/x"
  content: "for {{.User}} {{.UID}}\n"
  owner: "{{.User}}"
  permissions: 600
  overwrite: false
- {mode: data, path: /etc/empty}
probes:
- {mode: readiness, script: "docker info", hint: look}
- {script: "test {{.UID}}", description: a user}
portForwards:
- {guestSocket: /var/run/docker.sock, hostSocket: "{{.Home}}/docker.sock"}
- {guestSocket: "/run/user/{{.UID}}/x.sock", hostSocket: x.sock}
- {guestPort: 80, hostPort: 8080, proto: tcp}
- {guestPortRange: [4000, 4010], hostPortRange: [5000, 5010], hostIP: 0.0.0.0, guestIP: "::1", proto: udp}
- {guestPort: 9, guestIP: 0.0.0.0, guestIPMustBeZero: false, ignore: true}
hostResolver: {hosts: {host.docker.internal: host.lima.internal, me.example: "127.1.1.1"}}
ssh: {localPort: 2222}
message: "{{.Name}} is in {{.Dir}}"
containerd: {system: false, user: false}
`

func fullTemplate() *Template {
	yes, no := true, false
	return &Template{
		VMType: "qemu", Arch: ArchX8664, CPUs: 3, Memory: 3 << 29, Disk: 30 << 30,
		Images: []Image{
			{Location: "rdd:docker", Arch: ArchAArch64},
			{Location: "rdd:other", Arch: ArchX8664},
			{Location: "https://images.example/debian.qcow2", Arch: ArchX8664, Digest: sha512Digest},
			{
				Location: "~/images/own.raw", Arch: ArchX8664,
				Kernel: &Kernel{Location: "file:///boot/vmlinuz", Digest: sha256Digest, Cmdline: "root=/dev/vda ro"},
				Initrd: &Initrd{Location: "/boot/initrd", Digest: sha256Digest},
			},
		},
		Mounts: []Mount{
			{Location: "~"},
			{Location: "{{.GlobalTempDir}}/{{.Name}}", MountPoint: "/mnt/{{.Param.greeting}}", Writable: true},
		},
		Env:   map[string]string{"HTTP_PROXY": "http://p:1", "NUMBER": "7", "WHO": "{{.User}}"},
		Param: map[string]string{"greeting": "hello", "flag": "true"},
		Provision: []Provision{
			{Mode: ModeSystem, Script: "echo {{.Param.greeting}} {{.User}}"},
			{Mode: ModeUser, Script: `{{if eq .Param.flag "true"}}touch {{.Home}}/x{{end}}`},
			{Mode: ModeBoot, Script: "true"},
			{
				Mode: ModeData, Path: "{{.Home}}/.config/x", Content: "for {{.User}} {{.UID}}\n",
				Owner: "{{.User}}", Permissions: "600", Overwrite: &no,
			},
			{Mode: ModeData, Path: "/etc/empty", Owner: "root:root", Permissions: "644", Overwrite: &yes},
		},
		Probes: []Probe{
			{Mode: ProbeReadiness, Script: "docker info", Description: "probe 1 of 2", Hint: "look"},
			{Mode: ProbeReadiness, Script: "test {{.UID}}", Description: "a user"},
		},
		PortForwards: []PortForward{
			{GuestSocket: "/var/run/docker.sock", HostSocket: "{{.Home}}/docker.sock"},
			{GuestSocket: "/run/user/{{.UID}}/x.sock", HostSocket: "x.sock"},
			{GuestPort: 80, HostPort: 8080, Proto: ProtoTCP},
			{GuestPortRange: PortRange{4000, 4010}, HostPortRange: PortRange{5000, 5010}, HostIP: "0.0.0.0", GuestIP: "::1", Proto: ProtoUDP},
			{GuestPort: 9, GuestIP: "0.0.0.0", GuestIPMustBeZero: &no, Ignore: true},
		},
		HostResolver: HostResolver{Hosts: map[string]string{"host.docker.internal": LimaHost, "me.example": "127.1.1.1"}},
		SSH:          SSH{LocalPort: 2222},
		Message:      "{{.Name}} is in {{.Dir}}",
	}
}

func TestLoadReadsEveryField(t *testing.T) {
	got, err := Load([]byte(full), map[string]string{"greeting": "hej"}, testHost)
	if err != nil {
		t.Fatal(err)
	}
	want := fullTemplate()
	want.Param["greeting"] = "hej"
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if image := got.Image(); image.Location != "rdd:other" {
		t.Errorf("Image() = %v, want the first one for this host's architecture", image)
	}
	if images := got.ArchImages(); len(images) != 3 || images[2].Location != "~/images/own.raw" {
		t.Errorf("ArchImages() = %v, want the three for this host's architecture", images)
	}
}

func TestImageOfNoArch(t *testing.T) {
	if image := (&Template{Arch: ArchX8664, Images: []Image{{Location: "rdd:x", Arch: ArchAArch64}}}).Image(); image != (Image{}) {
		t.Errorf("Image() = %v, want none", image)
	}
}

// refusal is a template that is refused, and the whole message.
type refusal struct{ name, text, want string }

// prefixes of messages.
const (
	noTemplate = "failed to parse template: "
	noMachine  = "failed to validate template: "
)

// testRefusals loads each text and compares the whole message.
func testRefusals(t *testing.T, tests []refusal) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Load([]byte(tt.text), nil, testHost)
			if err == nil || err.Error() != tt.want {
				t.Fatalf("got error\n%v, want\n%s", err, tt.want)
			}
			checkType(t, err)
		})
	}
}

// checkType fails when an error is of neither of the types that Load documents.
func checkType(t *testing.T, err error) {
	t.Helper()
	var parse *ParseError
	var invalid *vm.InvalidSpecError
	if !errors.As(err, &parse) && !errors.As(err, &invalid) {
		t.Errorf("error %v is of neither documented type", err)
	}
}

func TestLoadRefusesMachines(t *testing.T) {
	testRefusals(t, []refusal{
		{
			"unknown field", minimal + "mount: []\n",
			noMachine + "field `mount` is not a field that rdd knows here; did you mean `mounts`? (line 2, column 1)",
		},
		{
			"unknown field with other letters", minimal + "VMTYPE: qemu\n",
			noMachine + "field `VMTYPE` is not a field that rdd knows here; did you mean `vmType`? (line 2, column 1)",
		},
		{
			"unknown nested field", minimal + "probes:\n- color: x\n",
			noMachine + "field `probes[0].color` is not a field that rdd knows here; there are: description, file, hint, mode, script (line 3, " +
				"column 3)",
		},
		{"double key", "cpus: 1\ncpus: 2\n", noMachine + "field `cpus` is given twice; first in line 1 (line 2, column 1)"},
		{"double nested key", "env: {A: 1,\n  A: 2}\n", noMachine + "field `env.A` is given twice; first in line 1 (line 2, column 3)"},
		{"key that is a list", "[a]: b\n", noMachine + "has a key that is not plain text (line 1, column 1)"},
		{
			"long key", "env: {" + strings.Repeat("k", 300) + ": x}\n",
			noMachine + "field `env` has a key of 300 bytes: `" + strings.Repeat("k", 80) + "…` (line 1, column 7)",
		},
		{"vmType", minimal + "vmType: vz\n", noMachine + "field `vmType` must be one of qemu; got `vz` (line 2, column 9)"},
		{
			"arch", minimal + "arch: cray-1\n",
			noMachine + "field `arch` must be one of x86_64, aarch64, armv7l, ppc64le, riscv64, s390x; got `cray-1` (line 2, column 7)",
		},
		{"cpus text", minimal + "cpus: many\n", noMachine + "field `cpus` must be an integer; got `many` (line 2, column 7)"},
		{"cpus list", minimal + "cpus: [1]\n", noMachine + "field `cpus` must be an integer; got a list (line 2, column 7)"},
		{
			"cpus many", minimal + "cpus: 5\n",
			noMachine + "field `cpus` must be between 1 and 4, the number of this host's CPUs; got 5 (line 2, column 7)",
		},
		{
			"cpus negative", minimal + "cpus: -1\n",
			noMachine + "field `cpus` must be between 1 and 4, the number of this host's CPUs; got -1 (line 2, column 7)",
		},
		{"memory spelling", minimal + "memory: big\n", noMachine + "field `memory` must be a size such as 4GiB; got `big` (line 2, column 9)"},
		{
			"memory mapping", minimal + "memory: {x: 1}\n",
			noMachine + "field `memory` must be a size such as 4GiB; got a mapping (line 2, column 9)",
		},
		{
			"memory overflow", minimal + "memory: 99999999PiB\n",
			noMachine + "field `memory` must be a size such as 4GiB; got `99999999PiB` (line 2, column 9)",
		},
		{
			"memory little", minimal + "memory: 1MiB\n",
			noMachine + "field `memory` must be between 256MiB and 8GiB, this host's memory; got 1MiB (line 2, column 9)",
		},
		{
			"memory much", minimal + "memory: 9GiB\n",
			noMachine + "field `memory` must be between 256MiB and 8GiB, this host's memory; got 9GiB (line 2, column 9)",
		},
		{"disk little", minimal + "disk: 1GiB\n", noMachine + "field `disk` must be at least 2GiB; got 1GiB (line 2, column 7)"},
		{
			"env name", minimal + "env: {A-B: x}\n",
			noMachine + "field `env.A-B` must be named with letters, digits and underscores, not starting with a digit (line 2, column 12)",
		},
		{
			"env lines", minimal + "env: {A: \"x\\ny\"}\n",
			noMachine + `field ` + "`env.A`" + ` must be one line of visible characters; got '\n' in it (line 2, column 10)`,
		},
		{"env list", minimal + "env: {A: [x]}\n", noMachine + "field `env.A` must be text; got a list (line 2, column 10)"},
		{"env null", minimal + "env: {A: }\n", noMachine + "field `env.A` must be text; got nothing (line 2, column 10)"},
		{"env no mapping", minimal + "env: A=b\n", noMachine + "field `env` must be a mapping; got `A=b` (line 2, column 6)"},
		{
			"param name", minimal + "param: {_a: x}\n",
			noMachine + "field `param._a` must be named with letters, digits and underscores, starting with a letter (line 2, column 13)",
		},
		{
			"param control", minimal + "param: {a: \"x\\e[1m\"}\n",
			noMachine + `field ` + "`param.a`" + ` must be one line of visible characters; got '\x1b' in it (line 2, column 12)`,
		},
		{
			"ssh port", minimal + "ssh: {localPort: 65536}\n",
			noMachine + "field `ssh.localPort` must be between 0 (any free port) and 65535; got 65536 (line 2, column 18)",
		},
		{
			"ssh port of the host", minimal + "ssh: {localPort: 22}\n",
			noMachine + "field `ssh.localPort` must not be 22, the port of the host's own ssh server (line 2, column 18)",
		},
		{
			"host name", minimal + "hostResolver: {hosts: {a..b: 127.0.0.1}}\n",
			noMachine + "field `hostResolver.hosts.a..b` must be named with letters, digits and hyphens, with dots between the parts (line 2, " +
				"column 30)",
		},
		{
			"host value", minimal + "hostResolver: {hosts: {a.b: 'not a name'}}\n",
			noMachine + "field `hostResolver.hosts.a.b` must be an IP address or a name such as `host.lima.internal`; got `not a name` (line 2, " +
				"column 29)",
		},
		{
			"long value", minimal + "cpus: " + strings.Repeat("9", 5000) + "\n",
			noMachine + "field `cpus` must be an integer; got `" + strings.Repeat("9", 80) + "…` (line 2, column 7)",
		},
		{
			"binary that is none", minimal + "message: !!binary '%'\n",
			noMachine + "field `message` is tagged !!binary and is not base64: illegal base64 data at input byte 0 (line 2, column 10)",
		},
		{"binary that is no text", minimal + "message: !!binary /w==\n", noMachine + "field `message` must hold UTF-8 text (line 2, column 10)"},
	})
}

func TestBinaryText(t *testing.T) {
	got, err := Load([]byte(minimal+"message: !!binary |\n  aGVs\n  bG8K\n"), nil, testHost)
	if err != nil || got.Message != "hello\n" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestParams(t *testing.T) {
	declared := minimal + "param: {colour: red}\n"
	used := minimal + "message: 'a {{.Param.colour}} house'\n"
	tests := []struct {
		name, text string
		params     map[string]string
		want       string
	}{
		{"declared", declared, map[string]string{"colour": "blue"}, ""},
		{"used and not declared", used, map[string]string{"colour": "blue"}, ""},
		{"empty value", declared, map[string]string{"colour": ""}, ""},
		{"any text", declared, map[string]string{"colour": "{{.Shoe}} 'a\tb' ünï"}, ""},
		{
			"misspelled", declared, map[string]string{"color": "blue"},
			"field `param.color` is not a parameter of the template; it has: colour (line 2, column 8)",
		},
		{"none at all", minimal, map[string]string{"color": "blue"}, "field `param.color` is not a parameter of the template; it has: none"},
		{"lines", declared, map[string]string{"colour": "x\ny"}, `must be one line of visible characters; got '\n' in it`},
		{
			"used without a value", used, nil,
			`field ` + "`message`" + ` has an expression that cannot be evaluated: map has no entry for key "colour" (line 2, column 10)`,
		},
		{"name", declared, map[string]string{"a b": "x"}, "field `param.a b` must be named with letters"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Load([]byte(tt.text), tt.params, testHost)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Fatalf("got error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestRevision(t *testing.T) {
	base := Revision([]byte("a"), map[string]string{"x": "1", "y": "2"})
	if again := Revision([]byte("a"), map[string]string{"y": "2", "x": "1"}); again != base {
		t.Errorf("the same input gave %s and %s", base, again)
	}
	seen := map[string]bool{base: true}
	for _, other := range []string{
		Revision([]byte("b"), map[string]string{"x": "1", "y": "2"}),
		Revision([]byte("a"), map[string]string{"x": "1", "y": "3"}),
		Revision([]byte("a"), map[string]string{"x": "11:y", "2": ""}),
		Revision([]byte("a"), nil),
	} {
		if seen[other] {
			t.Errorf("different inputs share revision %s", other)
		}
		seen[other] = true
	}
}

func TestLocalHost(t *testing.T) {
	host, err := LocalHost()
	if err != nil {
		t.Fatal(err)
	}
	if host.CPUs < 1 || host.Memory < 64<<20 || host.Arch == "" {
		t.Errorf("LocalHost() = %+v", host)
	}
}
