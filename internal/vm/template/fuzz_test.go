// SPDX-License-Identifier: Apache-2.0

package template

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
)

// More seeds, found by fuzzing, are below testdata/fuzz.

// FuzzLoad: any input gives a template that can be written and read again, or an error of a
// documented type with one line of text.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		minimal, full, debianShapeWithDigest(), dockerShape, nullShape, "a: &a [*a]", "<<: x", "? [a]\n: b",
		"images: [{location: rdd:x}]\nmessage: '{{if .Param}}{{end}}'", "param: {x: ~}\nmessage: '{{len .Param.x}}'",
		minimal + "base: [template:_default/mounts]\nmounts: [{location: '*', writable: true}]",
	} {
		f.Add([]byte(seed), "x", "1")
	}
	f.Fuzz(func(t *testing.T, data []byte, key, val string) {
		loaded, err := Load(data, map[string]string{key: val}, testHost)
		if err != nil {
			checkType(t, err)
			if strings.Contains(err.Error(), "\n") || len(err.Error()) > 4000 {
				t.Fatalf("message of %d bytes: %v", len(err.Error()), err)
			}
			return
		}
		roundTrip(t, loaded)
		loaded.PortRules()
		if _, err := loaded.Expand(testValues()); err != nil {
			var invalid *vm.InvalidSpecError
			if !errors.As(err, &invalid) {
				t.Fatalf("undocumented error %v", err)
			}
		}
	})
}

// FuzzMerge: any two documents can be merged and written; merging with nothing changes nothing.
func FuzzMerge(f *testing.F) {
	for _, seed := range []string{
		full, nullShape, debianShape, "mounts: [{location: /a}, {mountPoint: '*', writable: true}]", "mounts: [[], a, {mountPoint: {}}]",
		"dns: {a: 1}\nprovision: [x]",
	} {
		f.Add([]byte(seed), []byte(dockerShape))
		f.Add([]byte(dockerShape), []byte(seed))
	}
	f.Fuzz(func(t *testing.T, upper, base []byte) {
		first, second := parseOrSkip(t, upper), parseOrSkip(t, base)
		before := mustYAML(t, first)
		first.Merge(parseOrSkip(t, []byte("{}")))
		if after := mustYAML(t, first); !bytes.Equal(before, after) {
			t.Fatalf("merging with nothing makes\n%s of\n%s", after, before)
		}
		first.Merge(second)
		first.CombineMounts()
		once := mustYAML(t, first)
		first.CombineMounts()
		if again := mustYAML(t, first); !bytes.Equal(once, again) {
			t.Fatalf("combining mounts again makes\n%s of\n%s", again, once)
		}
	})
}

// FuzzResolve: whatever the documents hold, resolving ends after a bounded number of reads and
// leaves no base.
func FuzzResolve(f *testing.F) {
	f.Add([]byte("base: b.yaml\ncpus: 1"), []byte("base: [c.yaml, template:_default/mounts]"))
	f.Add([]byte("base: [{url: https://x/y}]\nprovision: [{file: ../z}]"), []byte("provision: [{mode: data, file: {url: a}}]\nbase: a"))
	f.Fuzz(func(t *testing.T, upper, base []byte) {
		document, err := Parse(upper, "/t/a.yaml")
		if err != nil {
			t.Skip()
		}
		reads := 0
		_, err = document.Resolve(context.Background(), func(_ context.Context, locator string) ([]byte, error) {
			reads++
			if locator == "" {
				t.Error("asked for nothing")
			}
			return base, nil
		})
		if reads > 100_000 {
			t.Errorf("%d reads", reads)
		}
		if err == nil && entry(document.root, "base") != nil {
			t.Error("a base is left")
		}
	})
}

// FuzzExpand: any text with expressions is refused or gives a text of bounded length; text without
// braces stays as it is.
func FuzzExpand(f *testing.F) {
	for _, seed := range []string{
		"{{.Name}}", "{{with $x := .Param}}{{$x.p}}{{end}}", "{{if eq .UID 1}}{{else if .Home}}x{{end}}", "{{define \"\"}}{{end}}",
		"{{- /* */ -}}", "{{(eq 1 1).X}}", "{{nil}}", "{{.}}", "{{$}}", "{{break}}",
	} {
		f.Add(seed, "v")
	}
	f.Fuzz(func(t *testing.T, text, param string) {
		loaded := &Template{
			Param: map[string]string{"p": param}, Message: text, Provision: []Provision{{Mode: ModeData, Path: "/x", Owner: "u", Content: text}},
		}
		got, err := loaded.Expand(testValues())
		if err != nil {
			var invalid *vm.InvalidSpecError
			if !errors.As(err, &invalid) {
				t.Fatalf("undocumented error %v", err)
			}
			return
		}
		if len(got.Message) > maxExpanded {
			t.Fatalf("%d bytes", len(got.Message))
		}
		if !strings.Contains(text, "{{") && got.Message != text {
			t.Fatalf("%q became %q", text, got.Message)
		}
		if !reflect.DeepEqual(loaded.Param, map[string]string{"p": param}) {
			t.Fatal("the parameters were changed")
		}
	})
}

func parseOrSkip(t *testing.T, data []byte) *Document {
	t.Helper()
	document, err := Parse(data, "")
	if err != nil {
		t.Skip()
	}
	return document
}

func mustYAML(t *testing.T, d *Document) []byte {
	t.Helper()
	data, err := d.YAML()
	if err != nil {
		t.Fatal(err)
	}
	return data
}
