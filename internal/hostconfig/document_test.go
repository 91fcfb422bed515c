// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"bytes"
	"encoding/json"
	"maps"
	"strings"
	"testing"
)

const ours = `"rancher-desktop-2"`

func TestWith(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                        `{"currentContext": "rancher-desktop-2"}`,
		" { } \n":                   ` {"currentContext": "rancher-desktop-2" } ` + "\n",
		"{\n}":                      "{\n\t\"currentContext\": \"rancher-desktop-2\"\n}",
		"{\r\n}\r\n":                "{\r\n\t\"currentContext\": \"rancher-desktop-2\"\r\n}\r\n",
		`{"auths":{}}`:              `{"auths":{},"currentContext":"rancher-desktop-2"}`,
		"{\n  \"auths\" : {}\n}\n":  "{\n  \"auths\" : {},\n  \"currentContext\" : \"rancher-desktop-2\"\n}\n",
		"{\r\n\t\"a\": 1\r\n}":      "{\r\n\t\"a\": 1,\r\n\t\"currentContext\": \"rancher-desktop-2\"\r\n}",
		`{"currentContext":"a"}`:    `{"currentContext":"rancher-desktop-2"}`,
		`{"currentContext" : null}`: `{"currentContext" : "rancher-desktop-2"}`,
		`{"CURRENTcontext":"a"}`:    `{"CURRENTcontext":"rancher-desktop-2"}`,
		`{"a":[1, 2 ] , "currentContext"  :  "\u0061" ,"b":{"currentContext":"c"}}`: `{"a":[1, 2 ] , "currentContext"  :  "rancher-desktop-2" ,` +
			`"b":{"currentContext":"c"}}`,
		`{"a\"b": "}", "n": 1.50e3 }`: `{"a\"b": "}", "n": 1.50e3,"currentContext": "rancher-desktop-2" }`,
	} {
		d, err := parse([]byte(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		got := d.with(ours)
		if string(got) != want {
			t.Errorf("%q became\n%s, want\n%s", text, got, want)
		}
		again, err := parse(got)
		if err != nil {
			t.Fatal(err)
		}
		if back := again.with(d.raw()); string(back) != text {
			t.Errorf("%q came back as %q", text, back)
		}
	}
}

func TestWithout(t *testing.T) {
	for text, want := range map[string]string{
		`{"currentContext": "x", "a": 1}`:          `{"a": 1}`,
		`{"a": 1, "currentContext": "x" , "b": 2}`: `{"a": 1 , "b": 2}`,
		`{"a": 1}`: `{"a": 1}`,
	} {
		d, err := parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := d.with(""); string(got) != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "line 1, column 1",
		"  \n":                          "EOF",
		"[]":                            "no JSON object",
		"null":                          "no JSON object",
		`"x"`:                           "no JSON object",
		"{\n  \"a\": 1,\n}":             "line 3",
		"{\n \"a\" 1}":                  "line 2",
		`{"a": 1`:                       "unexpected EOF",
		`{} {}`:                         "something follows",
		`{} x`:                          "something follows",
		"\xef\xbb\xbf{}":                "invalid character",
		"// comment\n{}":                "invalid character",
		`{"currentContext": 3}`:         "no string",
		`{"currentContext": {"a": ""}}`: "no string",
		"{\"currentContext\": \"a\",\n\"CurrentContext\": \"b\"}": "line 2, column 1: the key \"currentContext\" is there twice",
	} {
		if d, err := parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, %v; want an error with %q", text, d, err, want)
		}
	}
}

// FuzzWith changes any text that is a configuration: it stays one, all other members keep their
// bytes, and the way back leads to the very text.
func FuzzWith(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "{\n}", "{\r\n\t\"auths\": {},\r\n\t\"currentContext\": \"x\"\r\n}\r\n", `{"a":[{"b":"}"}],"currentContext":null , "c" : -0.0}`,
		`{"currentContext":"a","CurrentContext":"b"}`, `{"\u0063urrentContext": "\ud800"}`, "{\"a\":\"\xff\"}", `{"a":1}x`, ` { "":"" } `,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := parse(text)
		if err != nil {
			return
		}
		if !json.Valid(text) {
			t.Fatalf("%q was taken for JSON", text)
		}
		changed := d.with(ours)
		again, err := parse(changed)
		if err != nil || again.name != "rancher-desktop-2" {
			t.Fatalf("%q became %q: %v", text, changed, err)
		}
		if !maps.EqualFunc(others(t, text), others(t, changed), func(a, b json.RawMessage) bool { return bytes.Equal(a, b) }) {
			t.Fatalf("%q became %q: others were changed", text, changed)
		}
		if back := again.with(d.raw()); !bytes.Equal(back, text) {
			t.Fatalf("%q came back as %q", text, back)
		}
		if without, err := parse(d.with("")); err != nil || without.current >= 0 {
			t.Fatalf("%q without it is %q: %v", text, d.with(""), err)
		}
	})
}

func others(t *testing.T, text []byte) map[string]json.RawMessage {
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(members, func(key string, _ json.RawMessage) bool { return strings.EqualFold(key, currentKey) })
	return members
}
