// SPDX-License-Identifier: Apache-2.0

package crdschema

import (
	"slices"
	"testing"

	"sigs.k8s.io/yaml"
)

func parse(t *testing.T, text string) *spec {
	t.Helper()
	s := &spec{}
	if err := yaml.UnmarshalStrict([]byte(text), s); err != nil {
		t.Fatal(err)
	}
	return s
}

func version(name, schema string) string {
	return "{name: " + name + ", served: true, storage: " + map[bool]string{true: "true", false: "false"}[name == "v1"] +
		", schema: {openAPIV3Schema: " + schema + "}}"
}

func TestLostAndKeep(t *testing.T) {
	object := func(fields string) string { return "{type: object, properties: {" + fields + "}}" }
	const text = "type: string"
	for name, test := range map[string]struct {
		present, next string
		lost          []string
	}{
		"nothing":        {object("a: {" + text + "}"), object("a: {" + text + ", description: new}, b: {" + text + "}"), nil},
		"a field":        {object("a: {" + text + "}"), object(""), []string{"v1: a"}},
		"a nested field": {object("s: " + object("b: {"+text+"}, a: {"+text+"}")), object("s: " + object("")), []string{"v1: s.a", "v1: s.b"}},
		"in a list": {
			object("l: {type: array, items: " + object("a: {"+text+"}") + "}"),
			object("l: {type: array, items: " + object("") + "}"), []string{"v1: l[].a"},
		},
		"in a map": {
			object("m: {type: object, additionalProperties: " + object("a: {"+text+"}") + "}"),
			object("m: {type: object, additionalProperties: " + object("") + "}"), []string{"v1: m{}.a"},
		},
		"a value":         {object("e: {" + text + ", enum: [x, z]}"), object("e: {" + text + ", enum: [x, y]}"), []string{`v1: e="z"`}},
		"any value":       {object("e: {" + text + ", enum: [x, z]}"), object("e: {" + text + "}"), nil},
		"unknown is kept": {object("a: {" + text + "}"), "{type: object, x-kubernetes-preserve-unknown-fields: true}", nil},
	} {
		t.Run(name, func(t *testing.T) {
			present, next := parse(t, "versions: ["+version("v1", test.present)+"]"), parse(t, "versions: ["+version("v1", test.next)+"]")
			if lost := Lost(present, next); !slices.Equal(lost, test.lost) {
				t.Errorf("lost %q, want %q", lost, test.lost)
			}
			before := next.DeepCopy()
			kept := Keep(present, next)
			if lost := append(Lost(present, kept), Lost(next, kept)...); len(lost) > 0 {
				t.Errorf("not kept: %q", lost)
			}
			if lost := append(Lost(next, before), Lost(before, next)...); len(lost) > 0 {
				t.Errorf("the definition itself was changed: %q", lost)
			}
		})
	}
}

func TestVersionsAreKept(t *testing.T) {
	one, two := version("v1", "{type: object}"), version("v2", "{type: object}")
	both, first := parse(t, "versions: ["+two+", "+one+"]"), parse(t, "versions: ["+one+"]")
	both.Versions[0].Storage, both.Versions[1].Storage = true, false
	if lost := Lost(both, first); !slices.Equal(lost, []string{"v2"}) {
		t.Errorf("lost %q", lost)
	}
	kept := Keep(both, first)
	if len(kept.Versions) != 2 || !kept.Versions[0].Storage || kept.Versions[1].Storage {
		t.Errorf("kept %+v", kept.Versions)
	}
}
