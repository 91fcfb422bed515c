// SPDX-License-Identifier: Apache-2.0

package template

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
)

func TestExpand(t *testing.T) {
	loaded, err := Load([]byte(full), nil, testHost)
	if err != nil {
		t.Fatal(err)
	}
	got, err := loaded.Expand(testValues())
	if err != nil {
		t.Fatal(err)
	}
	want := fullTemplate()
	want.Images[3].Location = "/home/host/images/own.raw"
	want.Images[3].Kernel.Location = "/boot/vmlinuz"
	want.Mounts = []Mount{
		{Location: "/home/host", MountPoint: "/home/host"},
		{Location: "/tmp/rd", MountPoint: "/mnt/hello", Writable: true},
	}
	want.Env["WHO"] = "guest"
	want.Env["http_proxy"] = want.Env["HTTP_PROXY"]
	want.Provision[0].Script = "echo hello guest"
	want.Provision[1].Script = "touch /home/guest.guest/x"
	want.Provision[3].Path = "/home/guest.guest/.config/x"
	want.Provision[3].Content = "for guest 1001\n"
	want.Provision[3].Owner = "guest"
	want.Probes[1].Script = "test 1001"
	want.PortForwards[0].HostSocket = "/home/host/docker.sock"
	want.PortForwards[1].GuestSocket = "/run/user/1001/x.sock"
	want.PortForwards[1].HostSocket = "/home/host/.rd2/lima/rd/sock/x.sock"
	want.Message = "rd is in /home/host/.rd2/lima/rd"
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
	if unchanged := fullTemplate(); !reflect.DeepEqual(loaded, unchanged) {
		t.Errorf("the loaded template became %+v", loaded)
	}
}

func TestExpressions(t *testing.T) {
	tests := []struct{ name, text, got string }{
		{"guest", "env: {X: '{{.Name}} {{.Hostname}} {{.User}} {{.UID}} {{.Home}} {{.Param.p}}'}", "rd rd guest 1001 /home/guest.guest v"},
		{"condition", "env: {X: '{{if eq .Param.p \"v\"}}yes{{else}}no{{end}}'}", "yes"},
		{"else", "env: {X: '{{if and (ne .Param.p \"v\") (gt .UID 5)}}yes{{else if not .Name}}none{{else}}no{{end}}'}", "no"},
		{"with", "env: {X: '{{with .Param.p}}<{{.}}>{{end}}'}", "<v>"},
		{"variable", "env: {X: '{{$x := .Param.p}}{{$x}}{{$x}}'}", "vv"},
		{"length", "env: {X: '{{len .Param.p}}'}", "1"},
		{"comment", "env: {X: 'a{{/* b */}}c'}", "ac"},
		{"root in with", "env: {X: '{{with .Name}}{{$.Param.p}}{{.}}{{end}}'}", "vrd"},
		{"with of a mapping", "env: {X: '{{with .Param}}{{.p}}{{else}}{{.Name}}{{end}}'}", "v"},
		{"literal braces", "env: {X: '{{\"{{\"}}x}}'}", "{{x}}"},
		{"names", "hostResolver: {hosts: {x: '{{.Hostname}}.internal'}}", "rd.internal"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			loaded := loadShape(t, minimal+"param: {p: v}\n"+tt.text+"\n")
			if got := loaded.Env["X"] + loaded.HostResolver.Hosts["x"]; got != tt.got {
				t.Errorf("got %q, want %q", got, tt.got)
			}
		})
	}
}

func TestProxiesHaveBothSpellings(t *testing.T) {
	got := loadShape(t, minimal+"env: {http_proxy: a, HTTP_PROXY: b, no_proxy: '{{.Name}}', HTTPS_PROXY: c, all_proxy: d}\n").Env
	want := map[string]string{
		"http_proxy": "a", "HTTP_PROXY": "a", "no_proxy": "rd", "NO_PROXY": "rd", "HTTPS_PROXY": "c", "https_proxy": "c", "all_proxy": "d",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestHostExpressions(t *testing.T) {
	got := loadShape(t, minimal+`mounts:
- {location: "{{.Dir}}/{{.User}}/{{.UID}}{{.Home}}", mountPoint: /m}
- {location: "{{.LimaHome}}/{{.Instance}}{{.TempDir}}", mountPoint: /n}
message: "{{.User}} {{.HostOS}} {{.HostArch}} {{.VMType}} {{.Arch}} {{.CPUs}} {{.Memory}} {{.Disk}} {{.Hostname}}"
`)
	if want := "/home/host/.rd2/lima/rd/host/1000/home/host"; got.Mounts[0].Location != want {
		t.Errorf("got %s, want %s", got.Mounts[0].Location, want)
	}
	if want := "/home/host/.rd2/lima/rd/tmp"; got.Mounts[1].Location != want {
		t.Errorf("got %s, want %s", got.Mounts[1].Location, want)
	}
	if !strings.HasPrefix(got.Message, "host ") || !strings.HasSuffix(got.Message, " qemu x86_64 2 2147483648 21474836480 rd") {
		t.Errorf("got message %q", got.Message)
	}
}

func TestLoadRefusesExpressions(t *testing.T) {
	testRefusals(t, []refusal{
		{
			"syntax", minimal + "message: '{{.Name'\n",
			noMachine + "field `message` has an expression that cannot be read: unclosed action (line 2, column 10)",
		},
		{
			"field", minimal + "message: '{{.Shoe}}'\n",
			noMachine + "field `message` has an expression that knows no .Shoe; there are: Arch, CPUs, Dir, Disk, GlobalTempDir, Home, HostArch, " +
				"HostOS, Hostname, Instance, LimaHome, Memory, Name, Param, TempDir, UID, User, VMType (line 2, column 10)",
		},
		{
			"the host's in a script", minimal + "provision:\n- script: |\n    echo {{.Dir}}\n",
			noMachine + "field `provision[0].script` has an expression that knows no .Dir; there are: Home, Hostname, Name, Param, UID, User " +
				"(line 3, column 11)",
		},
		{
			"in a branch that is not taken", minimal + "message: '{{if eq .Name \"x\"}}{{.Shoe}}{{end}}'\n",
			noMachine + "field `message` has an expression that knows no .Shoe; there are: Arch, CPUs, Dir, Disk, GlobalTempDir, Home, HostArch, " +
				"HostOS, Hostname, Instance, LimaHome, Memory, Name, Param, TempDir, UID, User, VMType (line 2, column 10)",
		},
		{
			"parameter", minimal + "param: {p: x}\nprobes: [{script: '{{.Param.q}}'}]\n",
			noMachine + "field `probes[0].script` has an expression that cannot be evaluated: map has no entry for key \"q\" (line 3, column 19)",
		},
		{
			"mount", minimal + "mounts: [{location: '{{.Shoe}}'}]\n",
			noMachine + "field `mounts[0].location` has an expression that knows no .Shoe; there are: Dir, GlobalTempDir, Home, Instance, " +
				"LimaHome, Name, Param, TempDir, UID, User (line 2, column 21)",
		},
		{
			"mount point", minimal + "mounts: [{location: /x, mountPoint: '{{.Dir}}'}]\n",
			noMachine + "field `mounts[0].mountPoint` has an expression that knows no .Dir; there are: Home, Hostname, Name, Param, UID, User " +
				"(line 2, column 37)",
		},
		{
			"env", minimal + "env: {A: '{{.Dir}}'}\n",
			noMachine + "field `env.A` has an expression that knows no .Dir; there are: Home, Hostname, Name, Param, UID, User (line 2, column 10)",
		},
		{
			"data", minimal + "provision: [{mode: data, path: '{{.Dir}}'}]\n",
			noMachine + "field `provision[0].path` has an expression that knows no .Dir; there are: Home, Hostname, Name, Param, UID, User (line " +
				"2, column 32)",
		},
		{
			"host name", minimal + "hostResolver: {hosts: {a: '{{.Dir}}'}}\n",
			noMachine + "field `hostResolver.hosts.a` has an expression that knows no .Dir; there are: Home, Hostname, Name, Param, UID, User " +
				"(line 2, column 27)",
		},
		{
			"unknown at the root", minimal + "env: {A: '{{with .Name}}{{$.Shoe}}{{end}}'}\n",
			noMachine + "field `env.A` has an expression that cannot be evaluated: map has no entry for key \"Shoe\" (line 2, column 10)",
		},
		{
			"unknown in else", minimal + "env: {A: '{{with .Name}}{{else}}{{.Shoe}}{{end}}'}\n",
			noMachine + "field `env.A` has an expression that knows no .Shoe; there are: Home, Hostname, Name, Param, UID, User (line 2, column 10)",
		},
		{
			"later line", minimal + "provision:\n- script: |\n    a\n    b {{.Param.x}}\n",
			noMachine + "field `provision[0].script` has an expression that cannot be evaluated: map has no entry for key \"x\", in its line 2 " +
				"(line 3, column 11)",
		},
		{
			"range", minimal + "message: '{{range 1000000000000}}{{end}}'\n",
			noMachine + "field `message` has an expression with {{range}}, which is not supported (line 2, column 10)",
		},
		{
			"function", minimal + "message: '{{with print \"a\" \"b\"}}{{.}}{{end}}'\n",
			noMachine + "field `message` has an expression with the function print, which is not supported (line 2, column 10)",
		},
		{
			"hidden function", minimal + "message: '{{if (eq (printf \"x\") .Name).Foo}}{{end}}'\n",
			noMachine + "field `message` has an expression with the function printf, which is not supported (line 2, column 10)",
		},
		{
			"unknown function", minimal + "message: '{{env \"HOME\"}}'\n",
			noMachine + "field `message` has an expression that cannot be read: function \"env\" not defined (line 2, column 10)",
		},
		{
			"define", minimal + "message: '{{define \"x\"}}{{template \"x\"}}{{end}}'\n",
			noMachine + "field `message` has a {{define}} or {{block}}, which are not supported (line 2, column 10)",
		},
		{
			"too long", minimal + "param: {p: '" + strings.Repeat("x", 1000) + "'}\nmessage: '" + strings.Repeat("{{.Param.p}}", 5000) + "'\n",
			noMachine + "field `message` has an expression that cannot be evaluated: the result is too long (line 3, column 10)",
		},
	})
}

// TestExpandBoundsAllTogether has fields that are long only together.
func TestExpandBoundsAllTogether(t *testing.T) {
	text := minimal + "param: {p: '" + strings.Repeat("x", 10000) + "'}\nprobes:\n" + strings.Repeat(
		"- {script: '"+strings.Repeat("{{.Param.p}}", 30)+"'}\n", 20,
	)
	_, err := Load([]byte(text), nil, testHost)
	if want := "field `probes[13].script` has an expression that cannot be evaluated: the result is too long"; err == nil ||
		!strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestExpandValidatesTheRealValues(t *testing.T) {
	tests := []struct {
		name, text string
		change     func(*Values)
		want       string
	}{
		{
			"long socket", "portForwards: [{guestSocket: /a, hostSocket: '{{.Home}}/s'}]",
			func(v *Values) { v.Host.Home = "/" + strings.Repeat("x", 103) },
			"field `portForwards[0].hostSocket` must be a path of at most 103 bytes",
		},
		{
			"guest's home", "mounts: [{location: '~'}]", func(v *Values) { v.Guest.Home = v.Host.Home },
			"field `mounts[0].mountPoint` must not be `/home/host`, the home of the guest's own user",
		},
		{
			"the same mount point", "mounts: [{location: '{{.Home}}'}, {location: /home/host}]", func(*Values) {},
			"field `mounts[1].mountPoint` must not be `/home/host`, which mounts[0] has already",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			loaded, err := Load([]byte(minimal+tt.text+"\n"), nil, testHost)
			if err != nil {
				t.Fatal(err)
			}
			values := testValues()
			tt.change(&values)
			_, err = loaded.Expand(values)
			var invalid *vm.InvalidSpecError
			if !errors.As(err, &invalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}
