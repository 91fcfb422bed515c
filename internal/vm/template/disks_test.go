// SPDX-License-Identifier: Apache-2.0

package template

import (
	"reflect"
	"strings"
	"testing"
)

func TestLoadTakesDisks(t *testing.T) {
	yes, no := true, false
	for text, want := range map[string][]AdditionalDisk{
		"[data]":        {{Name: "data", Format: &yes, FSType: "ext4"}},
		"[{name: '1'}]": {{Name: "1", Format: &yes, FSType: "ext4"}},
		"[a, {name: B.c_d-e, format: true, fsType: xfs, fsArgs: [-i, size=512]}]": {
			{Name: "a", Format: &yes, FSType: "ext4"}, {Name: "B.c_d-e", Format: &yes, FSType: "xfs", FSArgs: []string{"-i", "size=512"}},
		},
		"[{name: raw, format: false, fsType: null}]": {{Name: "raw", Format: &no}},
		"[{name: raw, format: null}]":                {{Name: "raw", Format: &yes, FSType: "ext4"}},
	} {
		got, err := Load([]byte(minimal+"additionalDisks: "+text+"\n"), nil, testHost)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if !reflect.DeepEqual(got.AdditionalDisks, want) {
			t.Errorf("%s: got %+v", text, got.AdditionalDisks)
		}
		roundTrip(t, got)
	}
}

func TestLoadRefusesDisks(t *testing.T) {
	at := func(disks string) string { return minimal + "additionalDisks: [" + disks + "]\n" }
	const name = "must be the name of a disk, of letters and digits with `.`, `_` or `-` between them and at most 63; got "
	testRefusals(t, []refusal{
		{"a path", at("../x"), noMachine + "field `additionalDisks[0].name` " + name + "`../x` (line 2, column 19)"},
		{"no name", at("{format: true}"), noMachine + "field `additionalDisks[0].name` " + name + "`` (line 2, column 19)"},
		{
			"a long name", at(strings.Repeat("x", 64)),
			noMachine + "field `additionalDisks[0].name` " + name + "`" + strings.Repeat("x", 64) + "` (line 2, column 19)",
		},
		{"twice", at("a, {name: a}"), noMachine + "field `additionalDisks[1]` names the disk `a`, which is given already (line 2, column 22)"},
		{
			"many", at("a, b, c, d, e, f, g, h, i"),
			noMachine + "field `additionalDisks` must be at most 8 disks; got 9 (line 2, column 18)",
		},
		{
			"a file system", at("{name: a, fsType: 'ext4; rm'}"),
			noMachine + "field `additionalDisks[0].fsType` must be a file system for which the guest has an mkfs, such as ext4 or xfs; got " +
				"`ext4; rm` (line 2, column 37)",
		},
		{
			"a file system that is not made", at("{name: a, format: false, fsType: ext4}"),
			noMachine + "field `additionalDisks[0].format` must be true, or left out, where `fsType` or `fsArgs` are given (line 2, column 37)",
		},
		{
			"an unknown field", at("{name: a, size: 3GiB}"),
			noMachine + "field `additionalDisks[0].size` is not a field that rdd knows here; there are: format, fsArgs, fsType, name " +
				"(line 2, column 29)",
		},
		{"a list", at("[a]"), noMachine + "field `additionalDisks[0]` must be a mapping; got a list (line 2, column 19)"},
	})
}
