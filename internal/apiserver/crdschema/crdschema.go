// SPDX-License-Identifier: Apache-2.0

// Package crdschema compares what two definitions of the same resource can hold: their versions,
// fields and enumerated values. What a definition does not have is dropped from objects when they
// are next written.
package crdschema

import (
	"bytes"
	"maps"
	"slices"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

type (
	spec  = apiextensionsv1.CustomResourceDefinitionSpec
	props = apiextensionsv1.JSONSchemaProps
)

// Lost returns what objects of the present definition may have and those of the next cannot:
// "v1alpha2", "v1alpha1: status.resetFrom".
func Lost(present, next *spec) []string {
	var lost []string
	for _, version := range present.Versions {
		other := find(next, version.Name)
		if other == nil {
			lost = append(lost, version.Name)
			continue
		}
		for _, field := range lostFields("", schemaOf(&version), schemaOf(other)) {
			lost = append(lost, version.Name+": "+field)
		}
	}
	return lost
}

// Keep adds to next what Lost names, and returns the result.
func Keep(present, next *spec) *spec {
	next = next.DeepCopy()
	for _, version := range present.DeepCopy().Versions {
		if other := find(next, version.Name); other != nil {
			keepFields(schemaOf(&version), schemaOf(other))
			continue
		}
		version.Storage = false
		next.Versions = append(next.Versions, version)
	}
	return next
}

func find(definition *spec, version string) *apiextensionsv1.CustomResourceDefinitionVersion {
	for i := range definition.Versions {
		if definition.Versions[i].Name == version {
			return &definition.Versions[i]
		}
	}
	return nil
}

// schemaOf returns the schema of a version, which each has. An empty one is the answer for none.
func schemaOf(version *apiextensionsv1.CustomResourceDefinitionVersion) *props {
	if version.Schema == nil || version.Schema.OpenAPIV3Schema == nil {
		return &props{}
	}
	return version.Schema.OpenAPIV3Schema
}

func lostFields(path string, present, next *props) []string {
	var lost []string
	for _, value := range present.Enum {
		if !hasValue(next, value) {
			lost = append(lost, path+"="+string(value.Raw))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(present.Properties)) {
		field := name
		if path != "" {
			field = path + "." + name
		}
		was := present.Properties[name]
		switch now, has := next.Properties[name]; {
		case has:
			lost = append(lost, lostFields(field, &was, &now)...)
		case !keepsUnknown(next):
			lost = append(lost, field)
		}
	}
	for _, pair := range nested(present, next) {
		lost = append(lost, lostFields(path+pair.suffix, pair.present, pair.next)...)
	}
	return lost
}

func keepFields(present, next *props) {
	if len(next.Enum) > 0 {
		for _, value := range present.Enum {
			if !hasValue(next, value) {
				next.Enum = append(next.Enum, value)
			}
		}
	}
	for name, was := range present.Properties {
		if now, has := next.Properties[name]; has {
			keepFields(&was, &now)
			next.Properties[name] = now
		} else if !keepsUnknown(next) && next.Type == present.Type {
			if next.Properties == nil {
				next.Properties = map[string]props{}
			}
			next.Properties[name] = was
		}
	}
	for _, pair := range nested(present, next) {
		keepFields(pair.present, pair.next)
	}
}

// hasValue reports whether a schema admits a value of another's enumeration.
func hasValue(next *props, value apiextensionsv1.JSON) bool {
	return len(next.Enum) == 0 || slices.ContainsFunc(next.Enum, func(v apiextensionsv1.JSON) bool { return bytes.Equal(v.Raw, value.Raw) })
}

// keepsUnknown reports whether objects may have fields that the schema does not name.
func keepsUnknown(schema *props) bool {
	return schema.XPreserveUnknownFields != nil && *schema.XPreserveUnknownFields || schema.AdditionalProperties != nil
}

// pair has the schemas of the same items in two definitions.
type pair struct {
	suffix        string
	present, next *props
}

// nested returns the schemas of list items and of map values, where both definitions have them.
func nested(present, next *props) []pair {
	var pairs []pair
	if a, b := present.Items, next.Items; a != nil && b != nil && a.Schema != nil && b.Schema != nil {
		pairs = append(pairs, pair{"[]", a.Schema, b.Schema})
	}
	if a, b := present.AdditionalProperties, next.AdditionalProperties; a != nil && b != nil && a.Schema != nil && b.Schema != nil {
		pairs = append(pairs, pair{"{}", a.Schema, b.Schema})
	}
	return pairs
}
