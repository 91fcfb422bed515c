// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"strings"
	"testing"
)

func TestEditFlagsChangeTheTemplate(t *testing.T) {
	const text = "# mine\nimages: [{location: \"rdd:docker\"}]\ncpus: 2 # few\nmounts:\n- location: ~/src\n"
	for _, tc := range []struct {
		name  string
		flags editFlags
		want  []string
	}{
		{"processors", editFlags{cpus: 4}, []string{"# mine\n", "\ncpus: 4"}},
		{"sizes", editFlags{memory: "4", disk: "100GiB"}, []string{"\ncpus: 2 # few\n", "\nmemory: \"4GiB\"\n", "\ndisk: \"100GiB\"\n"}},
		{"half a GiB", editFlags{memory: "0.5"}, []string{"memory: \"0.5GiB\""}},
		{"a mount", editFlags{mounts: []string{"~/data:w", "/srv"}}, []string{"~/src", "~/data", "/srv", "true"}},
		{
			"values", editFlags{set: []string{`.env.A = "b"`, ".cpus = 3 | .plain = true"}},
			[]string{"env:\n", "A: \"b\"", "cpus: 3", "plain: true"},
		},
		{"none", editFlags{}, []string{text}},
	} {
		got, err := tc.flags.apply(text)
		for _, want := range tc.want {
			if err != nil || !strings.Contains(got, want) {
				t.Errorf("%s: no %q in\n%s%v", tc.name, want, got, err)
			}
		}
	}
}

func TestEditFlagsReplaceAMountOfTheSamePlace(t *testing.T) {
	got, err := (&editFlags{mounts: []string{"~/src:w"}}).mountList("mounts: [{location: ~/src, mountPoint: /src}]")
	if want := `[{"location":"~/src","mountPoint":"/src","writable":true}]`; err != nil || got != want {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestEditFlagsThatCannotBeApplied(t *testing.T) {
	for want, flags := range map[string]editFlags{
		"only assignments":  {set: []string{"del(.mounts)"}},
		"needs a directory": {mounts: []string{":w"}},
		"is no mapping":     {set: []string{".cpus.x = 1"}},
	} {
		if got, err := flags.apply("cpus: 2\n"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %q, %v", want, got, err)
		}
	}
}
