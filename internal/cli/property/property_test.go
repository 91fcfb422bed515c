// SPDX-License-Identifier: Apache-2.0

package property

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"rancherdesktop.io/rdd/api/crds"
)

// odd has what the App's schema has not, or not yet.
const odd = `
properties:
  spec:
    type: object
    required: [home, size, plan]
    properties:
      home: {type: string}
      plan: {type: string, default: free}
      size: {type: integer, format: int64, enum: [1, 2, 4]}
      ratio: {type: number}
      port: {x-kubernetes-int-or-string: true}
      limit: {x-kubernetes-int-or-string: true, pattern: '^[0-9]+(Mi|Gi)?$'}
      words: {type: array, items: {type: string, enum: [one, two]}}
      loose: {type: array}
      raw: {type: object, x-kubernetes-preserve-unknown-fields: true}
      fixed:
        type: object
        x-kubernetes-validations: [{rule: 'self  ==  oldSelf'}]
        properties: {a: {type: string}}
      labels: {type: object, additionalProperties: {type: string}}
      disks:
        type: object
        additionalProperties: {type: object, properties: {size: {type: integer}}}
      rules:
        type: array
        items:
          type: object
          required: [to, kind]
          properties:
            to: {type: string, nullable: true}
            kind: {type: string, default: tcp}
            limit: {x-kubernetes-int-or-string: true, pattern: '^[0-9]+(Mi|Gi)?$'}
            weights: {type: object, additionalProperties: {type: integer, format: int32}}
`

func oddSchema(t testing.TB) *Schema {
	t.Helper()
	var n node
	if err := yaml.Unmarshal([]byte(odd), &n); err != nil {
		t.Fatal(err)
	}
	return schemaOf(t, &n)
}

func schemaOf(t testing.TB, n *node) *Schema {
	t.Helper()
	crd := &apiextensionsv1.CustomResourceDefinition{}
	crd.Spec.Versions = []apiextensionsv1.CustomResourceDefinitionVersion{
		{Name: "v1", Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &node{}}},
		{Name: "v2", Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: n}},
	}
	s, err := Of(crd, "v2")
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"v1", "v3"} {
		if _, err := Of(crd, version); err == nil || !strings.Contains(err.Error(), "describes no spec of version "+version) {
			t.Errorf("version %s: %v", version, err)
		}
	}
	return s
}

// appSchema is the App's, as it is shipped.
func appSchema(t testing.TB) *Schema {
	t.Helper()
	data, err := crds.Files.ReadFile("app.rancherdesktop.io_apps.yaml")
	if err != nil {
		t.Fatal(err)
	}
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.UnmarshalStrict(data, crd); err != nil {
		t.Fatal(err)
	}
	s, err := Of(crd, "v1alpha1")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestProperties(t *testing.T) {
	var got []string
	for _, p := range oddSchema(t).Properties() {
		got = append(got, p.Name+" "+p.Form())
	}
	want := []string{
		"disks.KEY.size integer", "home text", "labels.KEY text", "limit quantity", "loose JSON list", "plan text", "port text",
		"ratio number", "raw JSON object", "rules JSON list", "size 1|2|4", "words JSON list",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPropertiesOfTheApp(t *testing.T) {
	found := map[string]Property{}
	for _, p := range appSchema(t).Properties() {
		found[p.Name] = p
		if p.Description == "" || strings.Contains(p.Description, "\n") {
			t.Errorf("%s has the description %q", p.Name, p.Description)
		}
	}
	if _, ok := found["namespace"]; ok {
		t.Error("namespace can be set")
	}
	for name, want := range map[string]struct {
		form  string
		value any
	}{
		"running": {"true|false", false}, "containerEngine.name": {"moby|containerd", "moby"}, "virtualMachine.cpus": {"integer", nil},
		"virtualMachine.memory": {"quantity", nil}, "virtualMachine.mounts": {"JSON list", nil},
	} {
		if p := found[name]; p.Form() != want.form || p.Default != want.value {
			t.Errorf("%s is %s with default %v", name, p.Form(), p.Default)
		}
	}
}

func TestParts(t *testing.T) {
	got := map[string]string{}
	for _, s := range []*Schema{oddSchema(t), appSchema(t)} {
		for _, p := range s.Properties() {
			for _, part := range p.Parts() {
				got[p.Name] += fmt.Sprintf("%s %s %t;", part.Name, part.Form(), part.Required())
			}
		}
	}
	want := map[string]string{
		"rules":                 "kind text false;limit quantity false;to text true;weights.KEY integer false;",
		"virtualMachine.mounts": "location text true;mountPoint text false;writable true|false false;",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSplit(t *testing.T) {
	value := func(s string) *string { return &s }
	for _, tt := range []struct {
		args []string
		want map[string]*string
		err  string
	}{
		{want: map[string]*string{}},
		{args: []string{"a=1", "b=", "c=x=y"}, want: map[string]*string{"a": value("1"), "b": nil, "c": value("x=y")}},
		{args: []string{"a"}, err: `thing "a": want NAME=VALUE`},
		{args: []string{"=1"}, err: "want NAME=VALUE"},
		{args: []string{"a=1", "a="}, err: `thing "a" is given twice`},
		{args: []string{"a=\xff"}, err: `thing "a=\xff" is no valid UTF-8`},
	} {
		got, err := Split("thing", tt.args)
		if !reflect.DeepEqual(got, tt.want) || !says(err, tt.err) {
			t.Errorf("%q: got %v, %v", tt.args, got, err)
		}
	}
}

// says reports whether err has that text; empty: there must be no error.
func says(err error, text string) bool {
	if text == "" || err == nil {
		return text == "" && err == nil
	}
	return strings.Contains(err.Error(), text)
}

// parse is what the command does with its arguments; the patch is text.
func parse(s *Schema, args []string) (string, error) {
	pairs, err := Split("property", args)
	if err != nil {
		return "", err
	}
	settings, err := s.Parse(pairs)
	if err != nil {
		return "", err
	}
	data, err := json.Marshal(Patch(settings))
	return string(data), err
}

func TestPatch(t *testing.T) {
	app, odd := appSchema(t), oddSchema(t)
	for _, tt := range []struct {
		schema *Schema
		args   string
		want   string
	}{
		{app, "", `{}`},
		{app, "running=true", `{"running":true}`},
		{app, "virtualMachine.cpus=4 virtualMachine.memory=6Gi running=false", `{"running":false,"virtualMachine":{"cpus":4,"memory":"6Gi"}}`},
		{app, "virtualMachine.memory=4294967296", `{"virtualMachine":{"memory":"4294967296"}}`},
		{app, "virtualMachine.cpus= containerEngine.name=containerd", `{"containerEngine":{"name":"containerd"},"virtualMachine":{"cpus":null}}`},
		{app, "kubernetes.version=v1.33.0+k3s1=x", `{"kubernetes":{"version":"v1.33.0+k3s1=x"}}`},
		{
			app, `virtualMachine.mounts=[{"location":"~/src","writable":true}]`,
			`{"virtualMachine":{"mounts":[{"location":"~/src","writable":true}]}}`,
		},
		{app, "virtualMachine.mounts=[]", `{"virtualMachine":{"mounts":[]}}`},
		{app, "virtualMachine.mounts=", `{"virtualMachine":{"mounts":null}}`},
		{odd, "size=2 ratio=0.5 plan= port=80 limit=3Gi", `{"limit":"3Gi","plan":null,"port":"80","ratio":0.5,"size":2}`},
		{odd, "labels.a=1 labels.b=", `{"labels":{"a":"1","b":null}}`},
		{odd, "disks.data.size=3", `{"disks":{"data":{"size":3}}}`},
		{odd, `raw={"a":[1]} loose=[1,"a",null]`, `{"loose":[1,"a",null],"raw":{"a":[1]}}`},
		{odd, `rules=[{"to":null,"limit":3},{"to":"x","kind":"udp","limit":"1Gi","weights":{"a":1}}]`,
			`{"rules":[{"limit":3,"to":null},{"kind":"udp","limit":"1Gi","to":"x","weights":{"a":1}}]}`},
	} {
		if got, err := parse(tt.schema, strings.Fields(tt.args)); got != tt.want || err != nil {
			t.Errorf("%s: got %s, %v, want %s", tt.args, got, err, tt.want)
		}
	}
}

func TestFaultsOfTheApp(t *testing.T) {
	s := appSchema(t)
	const all = "valid keys: containerEngine.name, kubernetes.enabled, kubernetes.version, running, virtualMachine.cpus, virtualMachine."
	for _, tt := range []struct{ arg, want string }{
		{"running", `property "running": want NAME=VALUE`},
		{"speed=1", `unknown property "speed"; ` + all},
		{"cpus=4", `unknown property "cpus" (did you mean virtualMachine.cpus?); ` + all},
		{"VirtualMachine.CPU=4", "did you mean virtualMachine.cpus?"},
		{"containerEngine.nam=moby", "did you mean containerEngine.name?"},
		{".=1", `unknown property "."; ` + all},
		{"virtualMachine.=1", `unknown property "virtualMachine."`},
		{"namespace=x", `property "namespace" cannot be set: it is fixed once the resource exists; ` + all},
		{
			"virtualMachine=4",
			`property "virtualMachine" holds others, which are set one by one; valid keys: virtualMachine.cpus, virtualMachine.exposePorts, ` +
				`virtualMachine.memory`,
		},
		{"running.now=true", `property "running.now" does not exist: there is nothing below running; ` + all},
		{"running=yes", `running must be true or false; got "yes"`},
		{"running=TRUE", `running must be true or false; got "TRUE"`},
		{"containerEngine.name=docker", `containerEngine.name must be one of the valid values: moby, containerd; got "docker"`},
		{"virtualMachine.cpus=many", `virtualMachine.cpus must be a whole number; got "many"`},
		{"virtualMachine.cpus=1.5", "must be a whole number"},
		{"virtualMachine.cpus=4294967296", "virtualMachine.cpus must be a whole number between -2147483648 and 2147483647"},
		{"virtualMachine.cpus=99999999999999999999", "must be a whole number"},
		{"virtualMachine.memory=4GB", `virtualMachine.memory must be a quantity such as 6Gi, 512Mi or 2; got "4GB"`},
		{"virtualMachine.memory=1e999999999999", "virtualMachine.memory must be a quantity"},
		{
			"virtualMachine.mounts.location=/a",
			`property "virtualMachine.mounts.location" is a part of virtualMachine.mounts, which is set as a whole, in JSON: ` +
				`'virtualMachine.mounts=[{"location":"…"`,
		},
		{"virtualMachine.mounts[0].location=/a", "is a part of virtualMachine.mounts, which is set as a whole"},
		{
			"virtualMachine.mounts=/a",
			`property "virtualMachine.mounts" must be JSON, as in 'virtualMachine.mounts=[{"location":"…","mountPoint":"…","writable":true}]': ` +
				`invalid character`,
		},
		{`virtualMachine.mounts=[{"location":"/a"}] x`, "must be JSON"},
		{`virtualMachine.mounts=null`, "virtualMachine.mounts must be a list"},
		{`virtualMachine.mounts={"location":"/a"}`, "virtualMachine.mounts must be a list"},
		{`virtualMachine.mounts=["/a"]`, "virtualMachine.mounts[0] must be an object"},
		{`virtualMachine.mounts=[{"location":"/a"},{"location":1}]`, "virtualMachine.mounts[1].location must be text"},
		{`virtualMachine.mounts=[{"location":null}]`, "virtualMachine.mounts[0].location must be text"},
		{`virtualMachine.mounts=[{"location":"/a","writable":"yes"}]`, "virtualMachine.mounts[0].writable must be true or false"},
		{
			`virtualMachine.mounts=[{"location":"/a","writeable":true}]`,
			"virtualMachine.mounts[0].writeable does not exist (did you mean writable?); valid keys: location, mountPoint, writable",
		},
		{`virtualMachine.mounts=[{"Location":"/a"}]`, "virtualMachine.mounts[0].Location does not exist (did you mean location?)"},
		{`virtualMachine.mounts=[{"writable":true}]`, "virtualMachine.mounts[0].location is missing"},
		{`virtualMachine.mounts=[{"location":"/a","location":"/b"}]`, `duplicate field`},
	} {
		if got, err := parse(s, []string{tt.arg}); !says(err, tt.want) {
			t.Errorf("%s: got %s, %v, want %s", tt.arg, got, err, tt.want)
		}
	}
}

func TestFaults(t *testing.T) {
	s := oddSchema(t)
	for _, tt := range []struct{ arg, want string }{
		{"home=", `property "home" has no default and needs a value`},
		{"size=3", `size must be one of the valid values: 1, 2, 4; got "3"`},
		{"size=big", "size must be a whole number"},
		{"ratio=NaN", "ratio must be a number"},
		{"ratio=half", "ratio must be a number"},
		{"fixed.a=1", `property "fixed.a" cannot be set`},
		{"labels=a", `property "labels" holds others, which are set one by one; valid keys: labels.KEY`},
		{"labels.=a", "unknown property"},
		{"disks.data=1", `property "disks.data" holds others`},
		{"limit=3Ki", "limit must be a quantity"},
		{"raw=1", "raw must be an object"},
		{"raw.a=1", "is a part of raw, which is set as a whole, in JSON: 'raw={}'"},
		{"loose=1", "loose must be a list"},
		{`words=["one","three"]`, "words[1] must be one of the valid values: one, two"},
		{"words[0]=one", `'words=["one"]'`},
		{`rules=[{}]`, "rules[0].to is missing"},
		{`rules=[{"to":"a","limit":true}]`, "rules[0].limit must be a quantity"},
		{`rules=[{"to":"a","weights":{"a":1.5}}]`, "rules[0].weights.a must be a whole number"},
		{`rules=[{"to":"a","weights":{"a":9999999999}}]`, "rules[0].weights.a must be a whole number between"},
	} {
		if got, err := parse(s, []string{tt.arg}); !says(err, tt.want) {
			t.Errorf("%s: got %s, %v, want %s", tt.arg, got, err, tt.want)
		}
	}
}
