// SPDX-License-Identifier: Apache-2.0

package property

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// anyKey stands in lists of properties for the keys of an object that may have any key.
const anyKey = "KEY"

// node is the schema of a value.
type node = apiextensionsv1.JSONSchemaProps

// Schema is the schema of a resource's spec.
type Schema struct{ spec *node }

// Of returns the schema of one version of a resource. The error says that the definition has no
// spec of that version.
func Of(crd *apiextensionsv1.CustomResourceDefinition, version string) (*Schema, error) {
	for _, v := range crd.Spec.Versions {
		if v.Name != version || v.Schema == nil || v.Schema.OpenAPIV3Schema == nil {
			continue
		}
		if spec, ok := v.Schema.OpenAPIV3Schema.Properties["spec"]; ok {
			return &Schema{&spec}, nil
		}
	}
	return nil, fmt.Errorf("CustomResourceDefinition %q describes no spec of version %s", crd.Name, version)
}

// Property is a field of the spec that can be set.
type Property struct {
	// Name is its path below spec, with dots.
	Name string `json:"property"`
	Type Type   `json:"type"`
	// Values are the valid ones, as text; empty where all values of the type are valid.
	Values []string `json:"values,omitempty"`
	// Default is the schema's. Defaulters of the API may set others.
	Default     any    `json:"default,omitempty"`
	Description string `json:"description,omitempty"`

	node *node
	// needed says that it cannot be left out.
	needed bool
}

// Properties lists all properties in the order of their names.
func (s *Schema) Properties() []Property {
	var found []Property
	walk(s.spec, "", false, func(p Property) { found = append(found, p) })
	return found
}

// walk visits the leaves at and below n.
func walk(n *node, name string, needed bool, visit func(Property)) {
	switch {
	case fixed(n):
	case branch(n):
		for _, key := range slices.Sorted(maps.Keys(n.Properties)) {
			child := n.Properties[key]
			walk(&child, join(name, key), required(n, key), visit)
		}
		if free := freeKeys(n); free != nil {
			walk(free, join(name, anyKey), false, visit)
		}
	default:
		visit(leaf(n, name, needed))
	}
}

func leaf(n *node, name string, needed bool) Property {
	return Property{
		Name: name, Type: typeOf(n), Values: values(n), Default: decoded(n.Default),
		Description: strings.Join(strings.Fields(n.Description), " "), node: n, needed: needed && n.Default == nil,
	}
}

// find returns the property of that name, or an error that says which names are valid.
func (s *Schema) find(name string) (Property, error) {
	n, needed := s.spec, false
	keys := strings.Split(name, ".")
	for i, key := range keys {
		if !branch(n) {
			return Property{}, s.below(name, leaf(n, strings.Join(keys[:i], "."), needed))
		}
		child, known := n.Properties[key]
		free := freeKeys(n)
		switch {
		case known:
			needed = required(n, key)
			n = &child
		case free != nil && key != "":
			n, needed = free, false
		default:
			return Property{}, s.unknown(name)
		}
		if fixed(n) {
			return Property{}, fmt.Errorf("property %q cannot be set: it is fixed once the resource exists; %s", name, s.valid(""))
		}
	}
	if branch(n) {
		return Property{}, fmt.Errorf("property %q holds others, which are set one by one; %s", name, s.valid(name+"."))
	}
	return leaf(n, name, needed), nil
}

// below returns the error for a name that continues beyond the property p.
func (s *Schema) below(name string, p Property) error {
	if p.Type == List || p.Type == Object {
		return fmt.Errorf("property %q is a part of %s, which is set as a whole, in JSON: %s", name, p.Name, p.example())
	}
	return fmt.Errorf("property %q does not exist: there is nothing below %s; %s", name, p.Name, s.valid(""))
}

// unknown returns the error for a name that is no property, with the most similar one.
func (s *Schema) unknown(name string) error {
	names := s.names("")
	if bare, _, list := strings.Cut(name, "["); list && slices.Contains(names, bare) {
		p, err := s.find(bare)
		if err != nil {
			return err
		}
		return s.below(name, p)
	}
	return fmt.Errorf("unknown property %q%s; %s", name, suggestion(name, names), s.valid(""))
}

// valid is a sentence that lists the properties whose names begin with prefix.
func (s *Schema) valid(prefix string) string { return validKeys(s.names(prefix)) }

func validKeys(keys []string) string { return "valid keys: " + strings.Join(keys, ", ") }

func (s *Schema) names(prefix string) []string {
	var names []string
	for _, p := range s.Properties() {
		if strings.HasPrefix(p.Name, prefix) {
			names = append(names, p.Name)
		}
	}
	return names
}

// branch reports whether n is an object whose fields are properties of their own.
func branch(n *node) bool {
	return n.Type == "object" && (len(n.Properties) > 0 || freeKeys(n) != nil)
}

// freeKeys is the schema of the values of an object that may have any key; nil for other objects.
func freeKeys(n *node) *node {
	if n.AdditionalProperties == nil {
		return nil
	}
	return n.AdditionalProperties.Schema
}

// fixed reports whether n cannot change once the resource exists.
func fixed(n *node) bool {
	return slices.ContainsFunc(n.XValidations, func(v apiextensionsv1.ValidationRule) bool {
		return strings.Join(strings.Fields(v.Rule), "") == "self==oldSelf"
	})
}

func required(n *node, key string) bool { return slices.Contains(n.Required, key) }

func join(parent, key string) string {
	if parent == "" {
		return key
	}
	return parent + "." + key
}
