// SPDX-License-Identifier: Apache-2.0

package assign

import (
	"encoding/json"
	"os"
	"path/filepath"
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
		got, err := Evaluator{}.Apply(tc.format, tc.text, tc.expression)
		if err != nil || got != tc.want {
			t.Errorf("%s: %v:\n got %q\nwant %q", tc.name, err, got, tc.want)
			continue
		}
		if again, err := (Evaluator{}).Apply(tc.format, got, tc.expression); err != nil || again != got {
			t.Errorf("%s, again: %v: %q", tc.name, err, again)
		}
	}
}

func TestApplyTakesTheLanguageOfYq(t *testing.T) {
	const text = "# top\ncpus: 2 # few\nmounts:\n  - location: ~/a # read only\n  - location: ~/b\nenv: {A: b}\n"
	for expression, want := range map[string][]string{
		"del(.mounts)":    {"# top\ncpus: 2 # few\nenv: {A: b}\n"},
		"del(.mounts[0])": {"mounts:\n  - location: ~/b\n"},
		`del(.mounts[] | select(.location == "~/a"))`:    {"mounts:\n  - location: ~/b\n"},
		".mounts[0].writable = true":                     {"  - location: ~/a # read only\n    writable: true\n"},
		".mounts[-1].writable = true":                    {"  - location: ~/b\n    writable: true\n"},
		`.mounts[1]["x y"].z = 1`:                        {"  - location: ~/b\n    x y:\n      z: 1\n"},
		`.env[0] = "n" | .mounts[3].location = "x"`:      {"env: {A: b, 0: \"n\"}"},
		".mounts.0.writable = true":                      {"  - location: ~/a # read only\n    writable: true\n"},
		".mounts.1.location |= \"~/c\"":                  {"~/a # read only", "  - location: ~/c\n"},
		".mounts.2.location = \"/srv\"":                  {"~/a", "~/b", "  - location: \"/srv\"\n"},
		".mounts[].writable = true":                      {"~/a # read only\n    writable: true", "~/b\n    writable: true"},
		`(.mounts[] | select(.location == "~/b")).x = 1`: {"~/b\n    x: 1"},
		`.mounts += [{"location": "/srv"}]`:              {"~/a", "~/b", "location: \"/srv\""},
		`.mounts += {"location": "/srv"}`:                {"~/a", "~/b", "location: \"/srv\""},
		".cpus += 3":                                     {"cpus: 5 # few"},
		".cpus -= 1":                                     {"cpus: 1 # few"},
		".cpus |= . * 2":                                 {"cpus: 4 # few"},
		`.env.A += "c"`:                                  {"A: bc"},
		`.env += {"C": "d"}`:                             {"env: {A: b, C: \"d\"}"},
		`.env *= {"A": "c", "D": 1}`:                     {"A: c", "D: 1"},
		`. *= {"env": {"E": "f"}}`:                       {"A: b, E: \"f\""},
		`.disk = (.disk // "5GiB")`:                      {"disk: \"5GiB\""},
		".memory = .cpus | .x = .memory + 1":             {"memory: 2", "x: 3"},
		`.n = (.mounts | length)`:                        {"n: 2\n"},
		`.env."a b" = 1 | .env."c.d" = 2`:                {"a b: 1", "c.d: 2"},
		`.env.A = "say \"a .\"b c\" d\""`:                {`say "a ."b c" d"`},
		`.script = "a\nb\n"`:                             {"script: |\n  a\n  b\n"},
		`.flag = "true"`:                                 {"flag: \"true\"\n"},
		`.cpus = null`:                                   {"cpus: null # few"},
		`.x."=c" = "s"`:                                  {"=c: \"s\""},
		`.mounts[1].location |= sub("b", "c")`:           {"~/c"},
		`with(.env; .A = 1 | .B = 2)`:                    {"env: {A: 1, B: 2}"},
		`.cpus as $n | .x = $n`:                          {"x: 2"},
	} {
		got, err := Evaluator{}.Apply(YAML, text, expression)
		for _, part := range append(want, "# top\n") {
			if err != nil || !strings.Contains(got, part) {
				t.Errorf("%s: no %q in\n%s%v", expression, part, got, err)
			}
		}
	}
}

func TestApplyChangesINIByAnyExpression(t *testing.T) {
	const text = "# first\ntop=1\n[A]\nx = 1\n#x=0\ny=b c\n\n[B]\nz=\n"
	for expression, want := range map[string]string{
		"del(.A.x)":            "# first\ntop=1\n[A]\n#x=0\ny=b c\n\n[B]\nz=\n",
		".A.x += 2":            "# first\ntop=1\n[A]\nx=3\n#x=0\ny=b c\n\n[B]\nz=\n",
		`.A.y += "d"`:          "# first\ntop=1\n[A]\nx = 1\n#x=0\ny=b cd\n\n[B]\nz=\n",
		".B.z = .A.y":          "# first\ntop=1\n[A]\nx = 1\n#x=0\ny=b c\n\n[B]\nz=b c\n",
		`.["A"] *= {"w": 1}`:   "# first\ntop=1\n[A]\nx = 1\n#x=0\ny=b c\n\nw=1\n[B]\nz=\n",
		`.top = (.no // "on")`: "# first\ntop=on\n[A]\nx = 1\n#x=0\ny=b c\n\n[B]\nz=\n",
	} {
		if got, err := (Evaluator{}).Apply(INI, text, expression); err != nil || got != want {
			t.Errorf("%s: %v:\n got %q\nwant %q", expression, err, got, want)
		}
	}
}

func TestApplyReadsTheHostOnlyWhereItMay(t *testing.T) {
	t.Setenv("RDD_TEST_SET", "from here")
	file := t.TempDir() + "/x.txt"
	if err := os.WriteFile(file, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	for expression, want := range map[string]string{
		`.a = strenv(RDD_TEST_SET)`:                       "a: from here\n",
		`.a = env(RDD_TEST_SET)`:                          "a: from here\n",
		`.a = ("${RDD_TEST_SET}" | envsubst)`:             "a: \"from here\"\n",
		`.a = load_str("` + filepath.ToSlash(file) + `")`: "a: \"content\"\n",
		`.a = load("` + filepath.ToSlash(file) + `")`:     "a: content\n",
	} {
		got, err := Evaluator{Host: true}.Apply(YAML, "", expression)
		if err != nil || strings.ReplaceAll(got, `"`, "") != strings.ReplaceAll(want, `"`, "") {
			t.Errorf("%s: got %q, %v", expression, got, err)
		}
		for _, hidden := range []string{expression, `.b = eval("` + strings.ReplaceAll(expression, `"`, `\"`) + `")`} {
			if got, err := (Evaluator{}).Apply(YAML, "a: 1\n", hidden); err == nil {
				t.Errorf("%s: got %q without the host", hidden, got)
			}
		}
		if err := (Evaluator{}).Check(YAML, expression); err == nil {
			t.Errorf("%s: passes the check", expression)
		}
	}
}

func TestApplyRefuses(t *testing.T) {
	for _, tc := range []struct{ format, text, expression, want string }{
		{JSON, "", "", "is empty"}, {JSON, "", " ", "is empty"}, {JSON, "", ".a", "not the changed file"},
		{YAML, "cpus: 2\n", ".cpus", "it yields `2`, not the changed file"}, {YAML, "cpus: 2\n", ".[]", "not the changed file"},
		{YAML, "a: [1, 2]", ".a[]", "it yields 2 values"}, {YAML, "a: []", ".a[]", "it yields 0 values"},
		{JSON, "", ".a == 1", "it yields `false`"}, {JSON, "", ".a = 1 | .a | sort", "`.a = 1 | .a | sort`"},
		{JSON, "", ".a = x", "line 1, column 6: yq cannot read \"x\""}, {JSON, "", ".a = 'x'", "double quotes"},
		{JSON, "", ".a =", "`.a =`"}, {JSON, "", ".a = [x]", "column 7"}, {JSON, "", "del(.a", "`del(.a`"},
		{JSON, "[]", ".a = 1", "no mapping"}, {JSON, `{"a": 1}`, ".a.b = 1", ".a is no mapping"}, {JSON, "{", ".a = 1", "reading the file"},
		{YAML, "a: {b: x}", ".c = 1 | .a.b.c += 1", ".a.b is no mapping"}, {YAML, "a: 1\n---\nb: 1\n", ".a = 1", "several documents"},
		{YAML, "a: [{b: x}]\n", ".a.0.b.c = 1", ".a.0.b is no mapping"}, {YAML, "a: [x]\n", ".a.b = 1", ".a is no mapping"},
		{YAML, "a: [{b: x}]\n", ".a[0].b.c = 1", ".a.0.b is no mapping"}, {YAML, "a: [{b: x}]\n", ".a[-1].b.c += 1", ".a.-1.b is no mapping"},
		{YAML, "a: {b c: x}\n", `.a["b c"].d = 1`, ".a.b c is no mapping"}, {YAML, "a: x\n", ".a[0] = 1", ".a is no mapping"},
		{YAML, "- x\n", ".[0].b = 1", ".0 is no mapping"}, {YAML, "a: {b c: x}\n", `.a."b c".d = 1`, ".a.b c is no mapping"},
		{YAML, "a: 1", `.a = error("no")`, "no"}, {YAML, "", `.a = system("id")`, "system"},
		{INI, "", ".a.b.c = 1", ".Section.Key"}, {INI, "", ".a.b = []", ".Section.Key"}, {"xml", "", ".a = 1", "xml"},
	} {
		if got, err := (Evaluator{}).Apply(tc.format, tc.text, tc.expression); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s %q: %q, %v", tc.format, tc.expression, got, err)
		}
	}
}

// TestCheck: what depends on the values is found when there are some.
func TestCheck(t *testing.T) {
	for expression, right := range map[string]bool{
		".a = 1": true, "del(.a)": true, ".a |= sort": true, ".a[] |= . + 1": true, ".a[0].b += 1": true, ".a.b |= sub(\"x\", \"y\")": true,
		"": false, ".a": false, ".a =": false, ".a = x": false, "1": false, ".a == 1": false, "foo(.a)": false,
	} {
		for _, format := range []string{JSON, YAML} {
			if err := (Evaluator{}).Check(format, expression); (err == nil) != right {
				t.Errorf("%s %s: %v", format, expression, err)
			}
		}
	}
	if err := (Evaluator{}).Check(INI, ".a.b.c = 1"); err == nil {
		t.Error("an INI file has no such path")
	}
}

func FuzzApply(f *testing.F) {
	for _, expression := range []string{".a = 1", "del(.a[0])", `.a."b c" += ["x"]`, `.a[] |= select(. == "\\(1)")`, `. *= {"a": .b}`} {
		f.Add("a: [1, {b: c}]\n", expression)
	}
	f.Fuzz(func(t *testing.T, text, expression string) {
		for _, format := range []string{JSON, YAML, INI} {
			got, err := Evaluator{}.Apply(format, text, expression)
			if err == nil && format == JSON && !json.Valid([]byte(got)) {
				t.Errorf("%q after %q is no JSON: %q", text, expression, got)
			}
		}
	})
}

func TestFormatOf(t *testing.T) {
	for name, want := range map[string]string{"/a/daemon.json": JSON, "x.yml": YAML, "x.yaml": YAML, "o.conf": INI, "x": "", "x.toml": ""} {
		if got := FormatOf(name); got != want {
			t.Errorf("%s: got %q", name, got)
		}
	}
}
