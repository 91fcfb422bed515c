// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

func parseEditFlags(t *testing.T, args ...string) *editFlags {
	t.Helper()
	cmd := &cobra.Command{}
	flags := addEditFlags(cmd)
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	return flags
}

func TestEditFlagsChangeTheTemplate(t *testing.T) {
	const text = "# mine\nimages: [{location: \"rdd:docker\"}]\ncpus: 2 # few\nmounts:\n- location: ~/src\n"
	for _, tc := range []struct {
		name  string
		flags []string
		want  []string
	}{
		{"processors", []string{"--cpus", "4"}, []string{"# mine\n", "\ncpus: 4"}},
		{"sizes", []string{"--memory", "4", "--disk", "100GiB"}, []string{"\ncpus: 2 # few\n", "\nmemory: \"4GiB\"\n", "\ndisk: \"100GiB\"\n"}},
		{"half a GiB", []string{"--memory", "0.5"}, []string{"memory: \"0.5GiB\""}},
		{"a mount", []string{"--mount", "~/data:w", "--mount", "/srv"}, []string{"~/src", "~/data", "/srv", "true"}},
		{
			"values", []string{"--set", `.env.A = "b"`, "--set", ".cpus = 3 | .plain = true"},
			[]string{"env:\n", "A: \"b\"", "cpus: 3", "plain: true"},
		},
		{"a part that is taken out", []string{"--set", "del(.mounts)"}, []string{"# mine\n", "\ncpus: 2 # few\n"}},
		{"an element", []string{"--set", ".mounts[0].writable = true | .cpus += 1"}, []string{"writable: true", "cpus: 3 # few"}},
		{"an element after --mount", []string{"--mount", "/srv", "--set", ".mounts[1].writable = true"}, []string{"\"/srv\"", "writable: true"}},
		{"none", nil, []string{text}},
	} {
		got, err := parseEditFlags(t, tc.flags...).apply(text)
		for _, want := range tc.want {
			if err != nil || !strings.Contains(got, want) {
				t.Errorf("%s: no %q in\n%s%v", tc.name, want, got, err)
			}
		}
	}
}

func TestEditFlagsReplaceAMountOfTheSamePlace(t *testing.T) {
	for text, want := range map[string]string{
		"mounts: [{location: ~/src, mountPoint: /src}]": "mounts: [{location: ~/src, mountPoint: /src, writable: true}]\n",
		"mounts:\n  # mine\n  - location: ~/src # here\n    writable: false\n": "mounts:\n" +
			"  # mine\n  - location: ~/src # here\n    writable: true\n",
	} {
		if got, err := parseEditFlags(t, "--mount", "~/src:w").apply(text); err != nil || got != want {
			t.Errorf("got %s, %v", got, err)
		}
	}
}

// TestEditFlagsTakeAnyName: what is in the name of a directory is no part of yq's language.
func TestEditFlagsTakeAnyName(t *testing.T) {
	for _, name := range []string{`/a "b"`, `/a\b`, `/a\(.cpus)`, "/ä é", "/a\nb", `C:\Users\x`, "/$(x)", "/a | del(.)", `/<&>`} {
		got, err := parseEditFlags(t, "--mount", name).apply("cpus: 2\n")
		var read struct{ Mounts []struct{ Location string } }
		if err == nil {
			err = yaml.Unmarshal([]byte(got), &read)
		}
		if err != nil || len(read.Mounts) != 1 || read.Mounts[0].Location != name {
			t.Errorf("%q: got %s, %v", name, got, err)
		}
	}
}

func TestEditFlagsThatCannotBeApplied(t *testing.T) {
	for want, flags := range map[string][]string{
		"`.cpus`":           {"--set", ".cpus"},
		"`foo(.mounts)`":    {"--set", "foo(.mounts)"},
		"--memory needs":    {"--memory", ""},
		"--disk needs":      {"--disk", " "},
		"needs a directory": {"--mount", ":w"},
		"at least 1":        {"--cpus", "0"},
		"is no mapping":     {"--set", ".cpus.x = 1"},
	} {
		if got, err := parseEditFlags(t, flags...).apply("cpus: 2\n"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %q, %v", want, got, err)
		}
	}
}
