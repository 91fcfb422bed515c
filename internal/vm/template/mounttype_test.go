// SPDX-License-Identifier: Apache-2.0

package template

import "testing"

func TestMountDriver(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "mountType: default": "", "mountType: 9p": Mount9p, "mountType: reverse-sshfs": MountSSHFS,
		"mountTypesUnsupported: [9p, virtiofs]":                          MountSSHFS,
		"mountTypesUnsupported: [reverse-sshfs, reverse-sshfs]":          Mount9p,
		"mountTypesUnsupported: [wsl2]":                                  "",
		"mountTypesUnsupported: [9p]\nmountType: reverse-sshfs":          MountSSHFS,
		"mountTypesUnsupported: [9p, reverse-sshfs]\nplain: true":        MountSSHFS,
		"mountTypesUnsupported: [9p]\nmounts: [{location: /x}]":          MountSSHFS,
		"mountType: null\nmountTypesUnsupported: [virtiofs, 9p, 9p, 9p]": MountSSHFS,
	} {
		got, err := Load([]byte(minimal+text+"\n"), nil, testHost)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got.MountDriver() != want {
			t.Errorf("%s: got %q, want %q", text, got.MountDriver(), want)
		}
		roundTrip(t, got)
	}
}

func TestMountTypesRefused(t *testing.T) {
	at := func(line string) string { return minimal + line + "\n" }
	testRefusals(t, []refusal{
		{
			"a type that the template calls unsupported", at("mountType: 9p\nmountTypesUnsupported: [9p]"),
			noMachine + "field `mountType` must be none of `mountTypesUnsupported`; got `9p` (line 2, column 12)",
		},
		{
			"no type left", at("mountTypesUnsupported: [9p, reverse-sshfs]\nmounts: [{location: /x}]"),
			noMachine + "field `mountTypesUnsupported` must leave out `9p` or `reverse-sshfs`, as rdd has no other way to carry `mounts`; " +
				"or leave `mounts` out (line 2, column 24)",
		},
		{
			"another system's type", at("mountType: wsl2"),
			noMachine + "field `mountType` must be `9p` or `reverse-sshfs` or `default` or empty; got `wsl2`: rdd carries mounts by 9p or " +
				"sshfs (line 2, column 12)",
		},
		{
			"a list as type", at("mountType: [9p]"),
			noMachine + "field `mountType` must be `9p` or `reverse-sshfs` or `default` or empty; got a list: rdd carries mounts by 9p or " +
				"sshfs (line 2, column 12)",
		},
	})
}
