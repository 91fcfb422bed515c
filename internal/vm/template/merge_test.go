// SPDX-License-Identifier: Apache-2.0

package template

import (
	"strings"
	"testing"
)

// merged merges YAML texts, the first over the second and so on, and combines the mounts.
func merged(t *testing.T, texts ...string) string {
	t.Helper()
	var all *Document
	for _, text := range texts {
		document, err := Parse([]byte(text), "")
		if err != nil {
			t.Fatal(err)
		}
		if all == nil {
			all = document
			continue
		}
		all.Merge(document)
	}
	all.CombineMounts()
	data, err := all.YAML()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// sameYAML compares two texts as YAML writes them.
func sameYAML(t *testing.T, got, want string) {
	t.Helper()
	if want := merged(t, want); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestMerge(t *testing.T) {
	tests := []struct {
		name  string
		texts []string
		want  string
	}{
		{"the upper's scalar wins", []string{"cpus: 1", "cpus: 2\nmemory: 1G"}, "cpus: 1\nmemory: 1G"},
		{"the upper's null wins", []string{"cpus:", "cpus: 2"}, "cpus:"},
		{"another kind wins", []string{"cpus: {a: 1}", "cpus: [2]"}, "cpus: {a: 1}"},
		{"the first of two bases wins", []string{"a: 1", "cpus: 2", "cpus: 3\ndisk: 4"}, "a: 1\ncpus: 2\ndisk: 4"},
		{"mappings are merged", []string{"env: {A: 1, B: 2}", "env: {B: 3, C: 4}"}, "env: {A: 1, B: 2, C: 4}"},
		{
			"mappings in mappings too", []string{"vmOpts: {qemu: {a: 1}}", "vmOpts: {qemu: {a: 2, b: 3}, vz: {}}"},
			"vmOpts: {qemu: {a: 1, b: 3}, vz: {}}",
		},
		{"lists are appended", []string{"images: [a]", "images: [b, c]"}, "images: [a, b, c]"},
		{"lists in mappings are appended", []string{"caCerts: {files: [a]}", "caCerts: {files: [b]}"}, "caCerts: {files: [a, b]}"},
		{
			"lists in lists are not", []string{"portForwards: [{guestPortRange: [1, 2]}]", "portForwards: [{guestPortRange: [3, 4]}]"},
			"portForwards: [{guestPortRange: [1, 2]}, {guestPortRange: [3, 4]}]",
		},
		{"a null list wins", []string{"images:", "images: [b]"}, "images:"},
		{"an empty list does not", []string{"images: []", "images: [b]"}, "images: [b]"},
		{
			"port rules of the upper come first", []string{"portForwards: [{guestPort: 1}]", "portForwards: [{guestPort: 2}]"},
			"portForwards: [{guestPort: 1}, {guestPort: 2}]",
		},
		{
			"what a base provisions comes first", []string{"provision: [u]\nprobes: [v]", "provision: [b]\nprobes: [c]"},
			"provision: [b, u]\nprobes: [c, v]",
		},
		{"the second base's before the first's", []string{"provision: [u]", "provision: [b]", "provision: [c]"}, "provision: [c, b, u]"},
		{"dns is the upper's", []string{"dns: [1.1.1.1]", "dns: [2.2.2.2]"}, "dns: [1.1.1.1]"},
		{"dns of the base", []string{"dns: []", "dns: [2.2.2.2]"}, "dns: [2.2.2.2]"},
		{
			"mount types are a set", []string{"mountTypesUnsupported: [9p]", "mountTypesUnsupported: [virtiofs, 9p]"},
			"mountTypesUnsupported: [9p, virtiofs]",
		},
		{"higher minimum of the base", []string{"minimumLimaVersion: 1.0.0", "minimumLimaVersion: 1.10.0"}, "minimumLimaVersion: 1.10.0"},
		{"higher minimum of the upper", []string{"minimumLimaVersion: 2.0.0", "minimumLimaVersion: 1.10.0"}, "minimumLimaVersion: 2.0.0"},
		{"minimum that is none", []string{"minimumLimaVersion: x", "minimumLimaVersion: 1.10.0"}, "minimumLimaVersion: x"},
		{
			"minimum of QEMU", []string{"vmOpts: {qemu: {minimumVersion: 6.0.0}}", "vmOpts: {qemu: {minimumVersion: 7.0.0}}"},
			"vmOpts: {qemu: {minimumVersion: 7.0.0}}",
		},
		{
			"mounts of one point",
			[]string{"mounts: [{location: '~', writable: true}]", "mounts: [{location: '~', writable: false, 9p: {cache: x}}, {location: /b}]"},
			"mounts: [{location: '~', writable: true, 9p: {cache: x}}, {location: /b}]",
		},
		{
			"mounts of one point by name",
			[]string{"mounts: [{location: /a, mountPoint: /x}]", "mounts: [{location: /b, mountPoint: /x, writable: true}]"},
			"mounts: [{location: /a, mountPoint: /x, writable: true}]",
		},
		{
			"mount that fills a null", []string{"mounts: [{location: /a, writable: }]", "mounts: [{location: /a, writable: true}]"},
			"mounts: [{location: /a, writable: true}]",
		},
		{
			"mount for all before",
			[]string{"mounts: [{location: /a}, {location: /b, writable: false}]", "mounts: [{location: '*', writable: true}, {location: /c}]"},
			"mounts: [{location: /a, writable: true}, {location: /b, writable: false}, {location: /c}]",
		},
		{
			"mount points for all", []string{"mounts: [{location: /a}]", "mounts: [{mountPoint: '*', location: /z, writable: true}]"},
			"mounts: [{location: /a, writable: true}]",
		},
		{"mounts that are none", []string{"mounts: [a, {}, {location: }]", "mounts: [{}, a]"}, "mounts: [a, {}, {location: }, {}, a]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { sameYAML(t, merged(t, tt.texts...), tt.want) })
	}
}

func TestMergeKeepsComments(t *testing.T) {
	got := merged(t, "# mine\ncpus: 1 # one\n", "# theirs\nmemory: 1G # a gig\n")
	for _, comment := range []string{"# mine", "# one", "# theirs", "# a gig"} {
		if !strings.Contains(got, comment) {
			t.Errorf("%q is lost in\n%s", comment, got)
		}
	}
}

func TestLoadMergesBuiltinBases(t *testing.T) {
	for _, base := range []string{
		"template:_default/mounts", "[template:_default/mounts]", "template://_default/mounts", "[{url: 'template:_default/mounts.yaml'}]",
		"[{url: 'template:_default/mounts', digest: }]",
	} {
		const mounts = "\nmounts: [{location: '~', writable: true, mountPoint: }, {location: /x}]\n"
		got, err := Load([]byte(minimal+"base: "+base+mounts), nil, testHost)
		if err != nil {
			t.Errorf("%s: %v", base, err)
			continue
		}
		if len(got.Mounts) != 2 || got.Mounts[0] != (Mount{Location: "~", Writable: true}) || got.Mounts[1].Location != "/x" {
			t.Errorf("%s: mounts %+v", base, got.Mounts)
		}
	}
}

func TestLoadRefusesBases(t *testing.T) {
	at := func(line string) string { return minimal + line + "\n" }
	testRefusals(t, []refusal{
		{
			"file", at("base: ./x.yaml"),
			noMachine + "field `base` names another template (`./x.yaml`), and here none is read: `rdd limavm create NAME FILE` reads them and " +
				"stores one template (line 2, column 7)",
		},
		{
			"URL in a list", at("base:\n- template:_default/mounts\n- https://x/y.yaml"),
			noMachine + "field `base[1]` names another template (`https://x/y.yaml`), and here none is read: `rdd limavm create NAME FILE` reads " +
				"them and stores one template (line 4, column 3)",
		},
		{
			"images", at("base: [template:_images/debian-13]"),
			noMachine + "field `base[0]` names an image list of Lima's (`template:_images/debian-13`), which is not part of rdd: leave it out and " +
				"give `images`, such as `- location: rdd:docker` or the URL of a cloud image (line 2, column 8)",
		},
		{
			"old images", at("base: 'template://_images/ubuntu-lts'"),
			noMachine + "field `base` names an image list of Lima's (`template://_images/ubuntu-lts`), which is not part of rdd: leave it out and " +
				"give `images`, such as `- location: rdd:docker` or the URL of a cloud image (line 2, column 7)",
		},
		{
			"template", at("base: template:docker"),
			noMachine + "field `base` names a template of Lima's (`template:docker`), which is not part of rdd: save it to a file and name that " +
				"(line 2, column 7)",
		},
		{"two", at("base: template:_default/mounts\nbase: x"), noMachine + "field `base` is given twice; first in line 2 (line 3, column 1)"},
		{
			"mapping", at("base: {path: x}"),
			noMachine + "field `base.path` is not a field that rdd knows here; there are: digest, url (line 2, column 8)",
		},
		{
			"empty mapping", at("base: [{}]"),
			noMachine + "field `base[0]` must name a template: a file, a URL or `template:_default/mounts` (line 2, column 8)",
		},
		{
			"digest", at("base: [{url: x, digest: y}]"),
			noMachine + "field `base[0].digest` is not honoured by this rdd: digests of templates are not checked (line 2, column 25)",
		},
		{"list in a list", at("base: [[x]]"), noMachine + "field `base[0]` must be text; got a list (line 2, column 8)"},
		{"null in a list", at("base: [null]"), noMachine + "field `base[0]` must be text; got nothing (line 2, column 8)"},
		{
			"what a built-in base makes",
			at("base: template:_default/mounts\nmounts: [{location: /x, mountPoint: /tmp/lima}, {location: /y, mountPoint: '{{.GlobalTempDir}}'}]"),
			noMachine + "field `mounts[1].mountPoint` has an expression that knows no .GlobalTempDir; there are: Home, Hostname, Name, Param, UID," +
				" User (line 3, column 76)",
		},
	})
}
