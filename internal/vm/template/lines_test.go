// SPDX-License-Identifier: Apache-2.0

package template

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// TestScriptsOfWindows: however a script comes in, its lines end as the guest's programs need it.
func TestScriptsOfWindows(t *testing.T) {
	const script = "#!/bin/sh\r\necho a\\r\r\nexit 0"
	const want = "#!/bin/sh\necho a\\r\nexit 0"
	list := func(list, field, value string) string {
		return minimal + fmt.Sprintf("%s: [{%s: %s}]\n", list, field, value)
	}
	quoted := `"` + strings.NewReplacer(`\`, `\\`, "\r", `\r`, "\n", `\n`).Replace(script) + `"`
	binary := "!!binary " + base64.StdEncoding.EncodeToString([]byte(script))
	for name, text := range map[string]string{
		"in quotes": list("provision", "script", quoted), "binary": list("provision", "script", binary),
		"a probe": list("probes", "script", quoted), "a whole file": strings.ReplaceAll(minimal, "\n", "\r\n") +
			"provision:\r\n- script: |-\r\n    " + strings.ReplaceAll(script, "\r\n", "\r\n    "),
		"a file of its own": list("provision", "file", "x.sh"), "a probe's file": list("probes", "file", "x.sh"),
		"with a mark at the beginning":   list("provision", "script", `"\uFEFF`+quoted[1:]),
		"a file with a mark":             list("provision", "file", "y.sh"),
		"a program as data":              list("provision", "mode: data, path: /x, content", quoted),
		"a program as data, with a mark": list("provision", "mode: data, path: /x, content", `"\uFEFF`+quoted[1:]),
	} {
		document, _, err := files{"/t/a.yaml": text, "/t/x.sh": script, "/t/y.sh": "\ufeff" + script}.resolve("/t/a.yaml")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := document.Load(nil, testHost)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var found string
		for _, p := range got.Provision {
			found += p.Script + p.Content
		}
		for _, p := range got.Probes {
			found += p.Script
		}
		if found != want {
			t.Errorf("%s: got %q", name, found)
		}
	}
}

// TestDataOfWindows: only programs are converted.
func TestDataOfWindows(t *testing.T) {
	got, err := Load([]byte(minimal+`provision: [{mode: data, path: /x, content: "\uFEFFa\r\nb\r\n"}]`), nil, testHost)
	if err != nil || got.Provision[0].Content != "\ufeffa\r\nb\r\n" {
		t.Errorf("got %+v, %v", got, err)
	}
}
