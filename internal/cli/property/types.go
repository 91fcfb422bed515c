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

// Type is what a value looks like.
type Type string

// Types of values.
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

// called is a type in a sentence: "must be …".
func called(t Type) string {
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

// values are the only ones that n may have, as text.
func values(n *node) []string {
	if n.Type == "boolean" {
		return []string{"true", "false"}
	}
	var words []string
	for _, value := range n.Enum {
		words = append(words, Show(decoded(&value)))
	}
	return words
}

// Form is what a value looks like, for a table.
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

// Parts are what each object in a list has; none of what is no list of objects.
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

// example shows how a property that is written in JSON is set.
func (p Property) example() string {
	data, err := json.Marshal(sample(p.node))
	if err != nil {
		return fmt.Sprintf("'%s=…'", p.Name) // samples are plain values, which can be written
	}
	return fmt.Sprintf("'%s=%s'", p.Name, data)
}

// sample is a value of n's form.
func sample(n *node) any {
	if words := values(n); len(words) > 0 && n.Type == "string" {
		return words[0]
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

// itemOf describes what a list holds; nil when it may be anything.
func itemOf(n *node) *node {
	if n.Items == nil {
		return nil
	}
	return n.Items.Schema
}

// decoded reads a value of a schema; nil when there is none.
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

// Show writes a value for people; nil, which is none, as a dash.
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
