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

const full = `# a machine with everything
vmType: qemu
arch: x86_64
images:
- location: rdd:docker
  arch: aarch64
- {location: "rdd:other", arch: x86_64}
cpus: 3
memory: 1.5GiB
disk: "30G"
env: {HTTP_PROXY: "http://p:1", NUMBER: 7}
param: {greeting: hello, flag: "true"}
provision:
- script: "echo {{.Param.greeting}} {{.User}}"
- mode: user
  script: "{{if eq .Param.flag \"true\"}}touch {{.Home}}/x{{end}}"
- {mode: boot, script: "true"}
probes:
- {mode: readiness, script: "docker info", hint: look}
portForwards:
- {guestSocket: /var/run/docker.sock, hostSocket: "{{.Home}}/docker.sock"}
ssh: {localPort: 2222}
message: "{{.Name}} is in {{.Dir}}"
containerd: {system: false, user: false}
`

func TestLoadReadsEveryField(t *testing.T) {
	got, err := Load([]byte(full), map[string]string{"greeting": "hej"}, testHost)
	if err != nil {
		t.Fatal(err)
	}
	want := &Template{
		VMType: "qemu", Arch: ArchX8664, CPUs: 3, Memory: 3 << 29, Disk: 30 << 30,
		Images: []Image{{Location: "rdd:docker", Arch: ArchAArch64}, {Location: "rdd:other", Arch: ArchX8664}},
		Env:    map[string]string{"HTTP_PROXY": "http://p:1", "NUMBER": "7"},
		Param:  map[string]string{"greeting": "hej", "flag": "true"},
		Provision: []Provision{
			{Mode: ModeSystem, Script: "echo {{.Param.greeting}} {{.User}}"},
			{Mode: ModeUser, Script: `{{if eq .Param.flag "true"}}touch {{.Home}}/x{{end}}`},
			{Mode: ModeBoot, Script: "true"},
		},
		Probes:       []Probe{{Mode: ProbeReadiness, Script: "docker info", Description: "probe 1 of 1", Hint: "look"}},
		PortForwards: []PortForward{{GuestSocket: "/var/run/docker.sock", HostSocket: "{{.Home}}/docker.sock"}},
		SSH:          SSH{LocalPort: 2222},
		Message:      "{{.Name}} is in {{.Dir}}",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if image := got.Image(); image.Location != "rdd:other" {
		t.Errorf("Image() = %v, want the one for this host's architecture", image)
	}
}

func TestRoundTrip(t *testing.T) {
	for _, text := range []string{minimal, full} {
		first, err := Load([]byte(text), nil, testHost)
		if err != nil {
			t.Fatal(err)
		}
		written, err := first.YAML()
		if err != nil {
			t.Fatal(err)
		}
		second, err := Load(written, nil, testHost)
		if err != nil {
			t.Fatalf("%v in\n%s", err, written)
		}
		if !reflect.DeepEqual(first, second) {
			t.Errorf("got %+v, want %+v from\n%s", second, first, written)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	tests := []struct {
		name, text string
		params     map[string]string
		want       string
	}{
		{"empty", "", nil, "failed to parse template: it is empty"},
		{"only a comment", "# x\n", nil, "failed to parse template: it is empty"},
		{"list", "- a\n", nil, "failed to parse template: it is not a YAML mapping, which is made of lines such as `cpus: 2` (line 1, column 1)"},
		{"syntax", "a: 1\nb: c: d\n", nil, "failed to parse template: mapping values are not allowed in this context (line 2, column 5)"},
		{"two documents", "cpus: 1\n---\ncpus: 2\n", nil, "more than one YAML document"},
		{"control character", "a: \x01", nil, "control characters are not allowed"},
		{"unknown field", minimal + "mount: []\n", nil, "field `mount` is not a field that rdd knows here; did you mean `mounts`? (line 2, column 1)"},
		{"unknown nested field", minimal + "provision:\n- scrip: x\n", nil, "field `provision[0].scrip` is not a field that rdd knows here; did you mean `script`? (line 3, column 3)"},
		{"double key", "cpus: 1\ncpus: 2\n", nil, "field `cpus` is given twice; first in line 1 (line 2, column 1)"},
		{"merge key", "<<: {cpus: 1}\n", nil, "the merge key << is not read: write the values out, or use `base` (line 1, column 1)"},
		{"alias", "arch: &a x86_64\nvmType: *a\n", nil, "the anchor &a is not read: write the value out where it is used (line 1, column 7)"},
		{"vmType", minimal + "vmType: vz\n", nil, "failed to validate template: field `vmType` must be one of qemu; got `vz` (line 2, column 9)"},
		{"arch", minimal + "arch: cray-1\n", nil, "failed to validate template: field `arch` must be `x86_64` on this host; got `cray-1` (line 2, column 7)"},
		{"no images", "cpus: 1\n", nil, "field `images` must have an image for `x86_64`"},
		{"images of another arch", "images: [{location: 'rdd:docker', arch: aarch64}]", nil, "field `images` must have an image for `x86_64`"},
		{"image arch", "images: [{location: 'rdd:docker', arch: pdp11}]", nil, "field `images[0].arch` must be one of x86_64, aarch64, armv7l, ppc64le, riscv64, s390x; got `pdp11`"},
		{"image url", "images: [{location: 'https:///y'}]", nil, "field `images[0].location` must be an http or https URL with a host; got `https:///y`"},
		{"image path", "images: [{location: 'rdd:../x'}]", nil, "field `images[0].location`"},
		{"images no list", "images: docker\n", nil, "field `images` must be a list; got `docker` (line 1, column 9)"},
		{"cpus text", minimal + "cpus: many\n", nil, "field `cpus` must be an integer; got `many`"},
		{"cpus many", minimal + "cpus: 5\n", nil, "field `cpus` must be between 1 and 4, the number of this host's CPUs; got 5 (line 2, column 7)"},
		{"cpus negative", minimal + "cpus: -1\n", nil, "field `cpus` must be between 1 and 4"},
		{"memory spelling", minimal + "memory: big\n", nil, "field `memory` must be a size such as 4GiB; got `big`"},
		{"memory overflow", minimal + "memory: 99999999PiB\n", nil, "field `memory` must be a size"},
		{"memory little", minimal + "memory: 1MiB\n", nil, "field `memory` must be between 256MiB and 8GiB, this host's memory; got 1MiB"},
		{"memory much", minimal + "memory: 9GiB\n", nil, "field `memory` must be between 256MiB and 8GiB"},
		{"disk little", minimal + "disk: 1GiB\n", nil, "field `disk` must be at least 2GiB; got 1GiB"},
		{"env name", minimal + "env: {A-B: x}\n", nil, "field `env.A-B` must be named with letters"},
		{"env lines", minimal + "env: {A: \"x\\ny\"}\n", nil, "field `env.A` must be one line of visible characters; got '\\n' in it (line 2, column 10)"},
		{"env list", minimal + "env: {A: [x]}\n", nil, "field `env.A` must be text; got a list"},
		{"provision mode", minimal + "provision:\n- {script: x}\n- {script: x}\n- {mode: x, script: x}\n", nil, "field `provision[2].mode` must be one of system, user, boot, data; got `x` (line 5, column 10)"},
		{"provision script", minimal + "provision: [{mode: user}]\n", nil, "field `provision[0].script` must not be empty"},
		{"probe script", minimal + "probes: [{script: ' '}]\n", nil, "field `probes[0].script` must not be empty"},
		{"probe mode", minimal + "probes: [{script: x, mode: liveness}]\n", nil, "field `probes[0].mode` must be one of readiness; got `liveness`"},
		{"forward without host", minimal + "portForwards: [{guestSocket: /a}]\n", nil, "field `portForwards[0].hostSocket` must be given: where the guest's socket is reached on the host (line 2, column 16)"},
		{"forward port", minimal + "portForwards: [{guestPort: 22}]\n", nil, "field `portForwards[0].guestPort` must not be 22: that is ssh, which rdd forwards itself"},
		{"forward relative", minimal + "portForwards: [{guestSocket: b, hostSocket: /a}]\n", nil, "field `portForwards[0].guestSocket` must be an absolute path; got `b`"},
		{"forward long", minimal + "portForwards: [{guestSocket: /a, hostSocket: /" + strings.Repeat("b", 110) + "}]\n", nil, "at most 103 bytes"},
		{"ssh port", minimal + "ssh: {localPort: 65536}\n", nil, "field `ssh.localPort` must be between 0"},
		{"containerd", minimal + "containerd: {system: true}\n", nil, "field `containerd.system` must be `false`; got `true`: rdd installs no containerd of its own (line 2, column 22)"},
		{"expression syntax", minimal + "message: '{{.Name'\n", nil, "field `message` has an expression that cannot be read"},
		{"expression field", minimal + "message: '{{.Shoe}}'\n", nil, "field `message` has an expression that cannot be evaluated: can't evaluate field Shoe"},
		{"guest expression with Dir", minimal + "param: {p: x}\nprovision: [{script: '{{.Param.q}}'}]\n", nil, "field `provision[0].script` has an expression that cannot be evaluated"},
		{"range", minimal + "message: '{{range 1000000000000}}{{end}}'\n", nil, "field `message` has an expression with {{range}}, which is not supported"},
		{"function", minimal + "message: '{{with print \"a\" \"b\"}}{{.}}{{end}}'\n", nil, "the function print, which is not supported"},
		{"hidden function", minimal + "message: '{{if (eq (printf \"x\") .Name).Foo}}{{end}}'\n", nil, "the function printf, which is not supported"},
		{"define", minimal + "message: '{{define \"x\"}}{{template \"x\"}}{{end}}'\n", nil, "{{define}}"},
		{"param misspelled", minimal + "param: {colour: red}\n", map[string]string{"color": "blue"}, "field `param.color` is not a parameter of the template; it has: colour"},
		{"param in nothing", minimal, map[string]string{"color": "blue"}, "field `param.color` is not a parameter of the template; it has: none"},
		{"param lines", minimal + "param: {a: x}\n", map[string]string{"a": "x\ny"}, "field `param.a` must be one line of visible characters"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Load([]byte(tt.text), tt.params, testHost)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got error %v, want %q", err, tt.want)
			}
			var parse *ParseError
			var invalid *vm.InvalidSpecError
			if !errors.As(err, &parse) && !errors.As(err, &invalid) {
				t.Errorf("error %T is of neither documented type", errors.Unwrap(err))
			}
		})
	}
}

func TestLoadTakesUsedParams(t *testing.T) {
	text := minimal + "message: 'a {{.Param.colour}} house'\n"
	if _, err := Load([]byte(text), nil, testHost); err == nil {
		t.Error("a parameter without a value was accepted")
	}
	if _, err := Load([]byte(text), map[string]string{"colour": "red"}, testHost); err != nil {
		t.Error(err)
	}
}

func TestExpand(t *testing.T) {
	loaded, err := Load([]byte(full), nil, testHost)
	if err != nil {
		t.Fatal(err)
	}
	values := Values{
		Name: "rd", Dir: "/home/host/.rd2/lima/rd",
		Host:  User{Name: "host", Home: "/home/host", UID: 1000},
		Guest: User{Name: "guest", Home: "/home/guest", UID: 1001},
	}
	got, err := loaded.Expand(values)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []struct{ got, want string }{
		{got.Provision[0].Script, "echo hello guest"},
		{got.Provision[1].Script, "touch /home/guest/x"},
		{got.PortForwards[0].HostSocket, "/home/host/docker.sock"},
		{got.Message, "rd is in /home/host/.rd2/lima/rd"},
		{loaded.Message, "{{.Name}} is in {{.Dir}}"},
	} {
		if text.got != text.want {
			t.Errorf("got %q, want %q", text.got, text.want)
		}
	}
	values.Host.Home = "/" + strings.Repeat("x", 100)
	if _, err := loaded.Expand(values); err == nil || !strings.Contains(err.Error(), "portForwards[0].hostSocket") {
		t.Errorf("a socket path that is too long gave %v", err)
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

// FuzzLoad: any input gives a template that can be written and read again, or a documented error.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{minimal, full, "a: &a [*a]", "<<: x", "? [a]\n: b", "images: [{location: rdd:x}]\nmessage: '{{if .Param}}{{end}}'", "param: {x: ~}\nmessage: '{{len .Param.x}}'"} {
		f.Add([]byte(seed), "x", "1")
	}
	f.Fuzz(func(t *testing.T, data []byte, key, val string) {
		loaded, err := Load(data, map[string]string{key: val}, testHost)
		if err != nil {
			var parse *ParseError
			var invalid *vm.InvalidSpecError
			if !errors.As(err, &parse) && !errors.As(err, &invalid) {
				t.Fatalf("undocumented error %v", err)
			}
			return
		}
		written, err := loaded.YAML()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Load(written, nil, testHost)
		if err != nil {
			t.Fatalf("%v in\n%s", err, written)
		}
		if Revision([]byte(again.Message), again.Param) != Revision([]byte(loaded.Message), loaded.Param) {
			t.Fatalf("written and read again: %+v, before: %+v", again, loaded)
		}
	})
}
