// SPDX-License-Identifier: Apache-2.0

package property

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	strictjson "sigs.k8s.io/json"
)

// Type is the type of a property's value.
type Type string

// Types of values. Lists and objects are written in JSON.
const (
	Boolean Type = "boolean"
	Integer Type = "integer"
	Number  Type = "number"
	Text    Type = "text"
	// Quantity is a number with a unit, such as 6Gi.
	Quantity Type = "quantity"
	List     Type = "list"
	Object   Type = "object"
)

func typeOf(n *node) Type {
	switch {
	case n.XIntOrString && n.Pattern != "":
		return Quantity
	case n.XIntOrString:
		return Text
	}
	switch n.Type {
	case "boolean", "integer", "number", "object":
		return Type(n.Type)
	case "array":
		return List
	default:
		return Text
	}
}

// describe completes the sentence "must be …" for a type.
func describe(t Type) string {
	switch t {
	case Boolean:
		return "true or false"
	case Integer:
		return "a whole number"
	case Quantity:
		return "a quantity such as 6Gi, 512Mi or 2"
	case Text:
		return "text"
	case Object:
		return "an object"
	default:
		return "a " + string(t)
	}
}

// values lists the valid values of n as text; none where all values of the type are valid.
func values(n *node) []string {
	if n.Type == "boolean" {
		return []string{"true", "false"}
	}
	var allowed []string
	for _, value := range n.Enum {
		allowed = append(allowed, Show(decoded(&value)))
	}
	return allowed
}

// Form says how a value is written, for tables and help: "true|false", "JSON list", "quantity".
func (p Property) Form() string {
	switch {
	case len(p.Values) > 0:
		return strings.Join(p.Values, "|")
	case p.Type == List || p.Type == Object:
		return "JSON " + string(p.Type)
	default:
		return string(p.Type)
	}
}

// Parts lists the fields of the objects in a list; none for any other property.
func (p Property) Parts() []Property {
	n := itemOf(p.node)
	if n == nil || !branch(n) {
		return nil
	}
	var parts []Property
	walk(n, "", false, func(part Property) { parts = append(parts, part) })
	return parts
}

// Required reports whether the property cannot be left out.
func (p Property) Required() bool { return p.needed }

// example is an argument that sets a property which is written in JSON.
func (p Property) example() string {
	data, err := json.Marshal(sample(p.node))
	if err != nil {
		return fmt.Sprintf("'%s=…'", p.Name) // samples are plain values, which can be written
	}
	return fmt.Sprintf("'%s=%s'", p.Name, data)
}

// sample returns a value that n accepts by its form.
func sample(n *node) any {
	if allowed := values(n); len(allowed) > 0 && n.Type == "string" {
		return allowed[0]
	}
	switch typeOf(n) {
	case Boolean:
		return true
	case Integer, Number:
		return 1
	case Quantity:
		return "1Gi"
	case List:
		if item := itemOf(n); item != nil {
			return []any{sample(item)}
		}
		return []any{}
	case Object:
		object := map[string]any{}
		for _, key := range slices.Sorted(maps.Keys(n.Properties)) {
			child := n.Properties[key]
			object[key] = sample(&child)
		}
		return object
	default:
		return "…"
	}
}

// itemOf is the schema of a list's items; nil when it has none.
func itemOf(n *node) *node {
	if n.Items == nil {
		return nil
	}
	return n.Items.Schema
}

// decoded reads a JSON value in a schema; nil when there is none.
func decoded(raw *apiextensionsv1.JSON) any {
	if raw == nil {
		return nil
	}
	var value any
	if err := strictjson.UnmarshalCaseSensitivePreserveInts(raw.Raw, &value); err != nil {
		return string(raw.Raw) // the API has no such schemas
	}
	return value
}

// Show returns a value as text for people: strings as they are, others as JSON, and nil as a dash.
func Show(value any) string {
	switch v := value.(type) {
	case nil:
		return "-"
	case string:
		return v
	}
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value) // what comes from JSON can be written as JSON
	}
	return string(data)
}
