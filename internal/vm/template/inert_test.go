// SPDX-License-Identifier: Apache-2.0

package template

import (
	"reflect"
	"strings"
	"testing"
)

// inertText has each field that changes nothing, in each value that is accepted.
var inertText = []string{
	"minimumLimaVersion: 2.0.0", "minimumLimaVersion: v1.2.3-rc.1", "minimumLimaVersion: '1.0'", "os: Linux", "os: default", "vmType: default",
	"arch: default",
	"mountType: 9p", "mountType: default", "mountType: ''", "mountTypesUnsupported: [9p, virtiofs]", "mountTypesUnsupported: []",
	"mountInotify: false",
	"additionalDisks: []", "audio: {device: none}", "audio: {device: ''}", "audio: {}", "video: {display: none, vnc: {display: ''}}",
	"video: {vnc: {display: none}}",
	"firmware: {legacyBIOS: false, images: []}", "rosetta: {enabled: false, binfmt: false}", "nestedVirtualization: false",
	"cpuType: {}", "cpuType: {x86_64: '', aarch64: }", "vmOpts: {qemu: {minimumVersion: 7.2.0, cpuType: {x86_64: ''}}}",
	"vmOpts: {qemu: {minimumVersion: '6.1'}}",
	"vmOpts: {vz: {rosetta: {enabled: true}, diskImageFormat: raw, memoryBalloon: {min: 3GiB}}}",
	"vmOpts: {krunkit: {gpuAccel: true}, wsl2: {}}", "upgradePackages: false", "guestInstallPrefix: /usr/local",
	"plain: false", "propagateProxyEnv: false", "timezone: ''",
	"caCerts: {removeDefaults: false, files: [], certs: []}",
	"user: {shell: , name: , home: '', uid: }", "networks: []", "dns: null", "copyToHost:",
	"containerd: {system: false, user: false, archives: []}",
	"hostResolver: {enabled: true, ipv6: false, hosts: {}}",
	"ssh: {address: 127.0.0.1, loadDotSSHPubKeys: false, forwardAgent: false, forwardX11: false, forwardX11Trusted: false, overVsock: false}",
	"base: []", "base:", "osOpts: {Darwin: {ipsw: x}}", "tpm: false", "ofALaterLima: null", "ssh: {later: }",
	"hostResolver: {later: ~}",
}

func TestInertFieldsChangeNothing(t *testing.T) {
	want, err := Load([]byte(minimal), nil, testHost)
	if err != nil {
		t.Fatal(err)
	}
	want.HostResolver.Hosts, want.Probes = nil, nil
	for _, text := range inertText {
		got, err := Load([]byte(minimal+text+"\n"), nil, testHost)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if len(got.HostResolver.Hosts) == 0 {
			got.HostResolver.Hosts = nil
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s changes the machine: %+v", text, got)
		}
	}
}

func TestEveryInertFieldTakesNull(t *testing.T) {
	for name := range inertFields() {
		if _, err := Load([]byte(minimal+name+": null\n"), nil, testHost); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.Contains(strings.Join(inertText, "\n"), name+":") {
			t.Errorf("%s is not tested with a value", name)
		}
	}
}

func TestLoadRefusesWhatItDoesNotDo(t *testing.T) {
	at := func(line string) string { return minimal + line + "\n" }
	testRefusals(t, []refusal{
		{
			"minimumLimaVersion", at("minimumLimaVersion: new"),
			noMachine + "field `minimumLimaVersion` must be a version such as 2.0.0; got `new` (line 2, column 21)",
		},
		{"os", at("os: Darwin"), noMachine + "field `os` must be `Linux` or `default`; got `Darwin`: rdd runs Linux only (line 2, column 5)"},
		{
			"mountType", at("mountType: virtiofs"),
			noMachine + "field `mountType` must be `9p` or `default` or empty; got `virtiofs`: rdd carries mounts by 9p (line 2, column 12)",
		},
		{
			"mountTypesUnsupported", at("mountTypesUnsupported: [nfs]"),
			noMachine + "field `mountTypesUnsupported[0]` must be one of reverse-sshfs, 9p, virtiofs, wsl2; got `nfs` (line 2, column 25)",
		},
		{
			"mountInotify", at("mountInotify: true"),
			noMachine + "field `mountInotify` must be `false`; got `true`: rdd does not pass on what changes in a mount (line 2, column 15)",
		},
		{
			"audio", at("audio: {device: vz}"),
			noMachine + "field `audio.device` must be `none` or empty; got `vz`: rdd's machines have no sound (line 2, column 17)",
		},
		{
			"rosetta", at("rosetta: {enabled: true}"),
			noMachine + "field `rosetta.enabled` must be `false`; got `true`: it belongs to the macOS driver (line 2, column 20)",
		},
		{
			"cpuType", at("cpuType: {x86_64: 'max -monitor stdio'}"),
			noMachine + "field `cpuType.x86_64` must be a CPU model of QEMU's such as Haswell-v4, with properties after commas; got " +
				"`max -monitor stdio` (line 2, column 19)",
		},
		{
			"QEMU version", at("vmOpts: {qemu: {minimumVersion: 9.1}}"),
			noMachine + "field `vmOpts.qemu.minimumVersion` must be at most 7.2.0: rdd looks for that QEMU or a newer one, and for no other; got " +
				"`9.1` (line 2, column 33)",
		},
		{
			"QEMU version text", at("vmOpts: {qemu: {minimumVersion: x}}"),
			noMachine + "field `vmOpts.qemu.minimumVersion` must be a version such as 2.0.0; got `x` (line 2, column 33)",
		},
		{
			"vmOpts of an unknown driver", at("vmOpts: {xen: {}}"),
			noMachine + "field `vmOpts.xen` is not a field that rdd knows here; there are: krunkit, qemu, vz, wsl2 (line 2, column 10)",
		},
		{"vmOpts that are none", at("vmOpts: {vz: fast}"), noMachine + "field `vmOpts.vz` must be a mapping; got `fast` (line 2, column 14)"},
		{
			"upgradePackages", at("upgradePackages: true"),
			noMachine + "field `upgradePackages` must be `false`; got `true`: rdd upgrades no packages by itself: a provision script can (line 2, " +
				"column 18)",
		},
		{
			"propagateProxyEnv", at("propagateProxyEnv: always"),
			noMachine + "field `propagateProxyEnv` must be true or false; got `always` (line 2, column 20)",
		},
		{
			"timezone", at("timezone: ../etc/passwd"),
			noMachine + "field `timezone` must be a name such as Europe/Berlin; got `../etc/passwd` (line 2, column 11)",
		},
		{
			"networks", at("networks: [{lima: shared}]"),
			noMachine + "field `networks` is not honoured by this rdd: a machine has one network, with ports forwarded to the host (line 2, " +
				"column 11)",
		},
		{"dns", at("dns: [dns.example]"), noMachine + "field `dns[0]` must be an IP address; got `dns.example` (line 2, column 7)"},
		{
			"dns of IPv6", at("dns: [1.1.1.1, '::1']"),
			noMachine + "field `dns[1]` must be an IPv4 address: the guest's network has no other; got `::1` (line 2, column 16)",
		},
		{
			"much dns", at("dns: [1.1.1.1, 1.1.1.2, 1.1.1.3, 1.1.1.4]"),
			noMachine + "field `dns` must be at most 3 name servers; got 4 (line 2, column 6)",
		},
		{
			"containerd", at("containerd: {system: yes}"),
			noMachine + "field `containerd.system` must be true or false; got `yes` (line 2, column 22)",
		},
		{
			"containerd without root", at("containerd: {user: true}"),
			noMachine + "field `containerd.user` must be `false`; got `true`: rdd sets up the system's containerd only, with `system: true`; " +
				"a provision script of mode user can set up one without root (containerd-rootless-setuptool.sh install) (line 2, column 20)",
		},
		{
			"archives of containerd", at("containerd: {archives: [x]}"),
			noMachine + "field `containerd.archives` is not honoured by this rdd: containerd is installed from the packages of the guest's " +
				"distribution (line 2, column 24)",
		},
		{
			"hostResolver", at("hostResolver: {enabled: false}"),
			noMachine + "field `hostResolver.enabled` must be `true`; got `false`: the guest always asks the host for names, or the " +
				"servers of `dns` (line 2, column 25)",
		},
		{
			"forwardAgent", at("ssh: {forwardAgent: ask}"),
			noMachine + "field `ssh.forwardAgent` must be true or false; got `ask` (line 2, column 21)",
		},
		{
			"forwardX11", at("ssh: {forwardX11: true}"),
			noMachine + "field `ssh.forwardX11` must be `false`; got `true`: rdd forwards no displays (line 2, column 19)",
		},
		{
			"an unknown field that is a misspelling", at("cpu: null"),
			noMachine + "field `cpu` is not a field that rdd knows here; did you mean `cpus`? (line 2, column 1)",
		},
		{
			"an unknown field with a value", at("ssh: {later: false}"),
			noMachine + "field `ssh.later` is not a field that rdd knows here; there are: address, forwardAgent, forwardX11, forwardX11Trusted, " +
				"loadDotSSHPubKeys, localPort, overVsock (line 2, column 7)",
		},
		{
			"a list for a switch", at("plain: [false]"),
			noMachine + "field `plain` must be true or false; got a list (line 2, column 8)",
		},
	})
}

// TestCPUModel: vmOpts wins over the older field, whatever their order.
func TestCPUModel(t *testing.T) {
	for text, want := range map[string]string{
		"cpuType: {x86_64: max, aarch64: x}": "max", "cpuType: {aarch64: x}": "",
		"vmOpts: {qemu: {cpuType: {x86_64: 'Haswell-v4,+vmx,a=b'}}}":          "Haswell-v4,+vmx,a=b",
		"cpuType: {x86_64: max}\nvmOpts: {qemu: {cpuType: {x86_64: host}}}":   "host",
		"vmOpts: {qemu: {cpuType: {x86_64: host}}}\ncpuType: {x86_64: max}":   "host",
		"vmOpts: {qemu: {cpuType: {x86_64: ''}}}\ncpuType: {x86_64: max}":     "max",
		"firmware: {legacyBIOS: true}\nvmOpts: {qemu: {cpuType: {x86_64: }}}": "",
	} {
		got, err := Load([]byte(minimal+text+"\n"), nil, testHost)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got.CPUModel() != want || got.Firmware.LegacyBIOS != strings.Contains(text, "legacy") {
			t.Errorf("%s: got %q, %+v", text, got.CPUModel(), got.Firmware)
		}
		roundTrip(t, got)
	}
}
