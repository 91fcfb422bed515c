// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"bytes"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// TestADefinitionWithoutADocument: it takes neither the document away nor the other definitions.
func TestADefinitionWithoutADocument(t *testing.T) {
	definition := func(kind string, properties map[string]apiextensionsv1.JSONSchemaProps) *crd {
		d := &crd{}
		d.Name, d.Spec.Group = kind, "example.com"
		d.Spec.Names = apiextensionsv1.CustomResourceDefinitionNames{Plural: kind, Singular: kind, Kind: kind, ListKind: kind + "List"}
		schema := &apiextensionsv1.JSONSchemaProps{Type: "object", Properties: properties}
		d.Spec.Versions = []apiextensionsv1.CustomResourceDefinitionVersion{{
			Name: "v1", Served: true, Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: schema},
		}}
		return d
	}
	broken := definition("Broken", map[string]apiextensionsv1.JSONSchemaProps{
		"x": {Type: "string", Default: &apiextensionsv1.JSON{Raw: []byte("{no JSON")}},
	})
	made, err := encode(nil, []*crd{broken, definition("Good", nil)})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(made.json, []byte("example.com/v1/Good")) || bytes.Contains(made.json, []byte("Broken")) {
		t.Errorf("%s", made.json)
	}
}

func TestNegotiate(t *testing.T) {
	for accept, want := range map[string]string{
		"":                 jsonType,
		"*/*":              jsonType,
		"application/json": jsonType,
		"application/*":    jsonType,
		"application/com.github.proto-openapi.spec.v2@v1.0+protobuf":                         protobufType,
		"application/com.github.proto-openapi.spec.v2.v1.0+protobuf":                         protobufType,
		"application/json;q=0.5, application/com.github.proto-openapi.spec.v2.v1.0+protobuf": protobufType,
		"text/html":            "",
		"text/html, */*;q=0.1": jsonType,
	} {
		if got := negotiate(accept); got != want {
			t.Errorf("%q: %q, want %q", accept, got, want)
		}
	}
}
