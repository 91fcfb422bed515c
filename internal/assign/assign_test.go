// SPDX-License-Identifier: Apache-2.0

package assign

import (
	"strings"
	"testing"
)

func TestApply(t *testing.T) {
	for _, tc := range []struct{ name, format, text, expression, want string }{
		{"new JSON", JSON, "", ".features.cdi = true |\n.features.containerd-snapshotter = false\n",
			"{\n  \"features\": {\n    \"cdi\": true,\n    \"containerd-snapshotter\": false\n  }\n}\n"},
		{"the rest stays, with its order", JSON, `{"z": [1, "x", {}], "a": {"b": null, "c": 1.5}}`, `.a.b = "it's | \"q\""`,
			"{\n  \"z\": [\n    1,\n    \"x\",\n    {}\n  ],\n" +
				"  \"a\": {\n    \"b\": \"it's | \\\"q\\\"\",\n    \"c\": 1.5\n  }\n}\n"},
		{"odd keys", JSON, "{}", `.["a.b"]."c d"["e\"f"] = [1, {"x": "y"}]`,
			"{\n  \"a.b\": {\n    \"c d\": " +
				"{\n      \"e\\\"f\": [\n        1,\n        {\n          \"x\": \"y\"\n        }\n      ]\n    }\n  }\n}\n"},
		{"YAML with comments", YAML, "# first\na: 1 # one\nb: x\n", ".b = 2 | .c.d = \"e\"", "# first\na: 1 # one\nb: 2\nc:\n  d: \"e\"\n"},
		{"null on the way", YAML, "a:\n", ".a.b = 1", "a:\n  b: 1\n"},
		{"new INI", INI, "", `.Socket.SocketUser="jan"`, "[Socket]\nSocketUser=jan\n"},
		{"INI", INI, "[A]\nx=1\n# c\n\n[B]\ny = 2\n", `.A.z = 3 | .B.y = "4" | .C.w = true | .top = 5`,
			"top=5\n[A]\nx=1\n# c\n\nz=3\n[B]\ny=4\n[C]\nw=true\n"},
	} {
		got, err := Apply(tc.format, tc.text, tc.expression)
		if err != nil || got != tc.want {
			t.Errorf("%s: %v:\n got %q\nwant %q", tc.name, err, got, tc.want)
			continue
		}
		if again, err := Apply(tc.format, got, tc.expression); err != nil || again != got {
			t.Errorf("%s, again: %v: %q", tc.name, err, again)
		}
	}
}

func TestApplyRefuses(t *testing.T) {
	for _, tc := range []struct{ format, text, expression, want string }{
		{JSON, "", "", "only assignments"}, {JSON, "", "del(.a)", "only assignments"}, {JSON, "", ".a", "only assignments"},
		{JSON, "", ".a == 1", "only assignments"}, {JSON, "", ".a = 1 | sort", "only assignments"}, {JSON, "", ".a += 1", "only assignments"},
		{JSON, "", ".a = .b", "a literal"}, {JSON, "", ".a = x", "a literal"},
		{JSON, "", ".a =", "a literal"}, {JSON, "", ".a = [x]", "a literal"},
		{JSON, "[]", ".a = 1", "no mapping"}, {JSON, `{"a": 1}`, ".a.b = 1", ".a is no mapping"}, {JSON, "{", ".a = 1", "reading the file"},
		{INI, "", ".a.b.c = 1", ".Section.Key"}, {INI, "", ".a.b = []", ".Section.Key"}, {"xml", "", ".a = 1", "xml"},
	} {
		if got, err := Apply(tc.format, tc.text, tc.expression); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s %q: %q, %v", tc.format, tc.expression, got, err)
		}
	}
}

func TestFormatOf(t *testing.T) {
	for name, want := range map[string]string{"/a/daemon.json": JSON, "x.yml": YAML, "x.yaml": YAML, "o.conf": INI, "x": "", "x.toml": ""} {
		if got := FormatOf(name); got != want {
			t.Errorf("%s: got %q", name, got)
		}
	}
}
