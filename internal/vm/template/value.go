// SPDX-License-Identifier: Apache-2.0

package template

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	"go.yaml.in/yaml/v4"

	"rancherdesktop.io/rdd/internal/vm"
)

// decoder reads one YAML value into the variable it was made for.
type decoder func(value) error

// fields are the keys that a mapping may have.
type fields map[string]decoder

// value is a YAML value, where it stands and how its place is called.
type value struct {
	node *yaml.Node
	path string
	// places collects where each path was read.
	places places
}

// failf refuses the value.
func (v value) failf(format string, args ...any) error {
	return &vm.InvalidSpecError{Field: v.path, Reason: fmt.Sprintf(format, args...)}
}

func (v value) child(key string, node *yaml.Node) value {
	path := key
	if v.path != "" {
		path = v.path + "." + key
	}
	return v.at(path, node)
}

func (v value) element(i int, node *yaml.Node) value {
	return v.at(fmt.Sprintf("%s[%d]", v.path, i), node)
}

func (v value) at(path string, node *yaml.Node) value {
	v.places[path] = place{node.Line, node.Column}
	return value{node: node, path: path, places: v.places}
}

// describe names what the value is, for messages.
func (v value) describe() string {
	switch v.node.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "a YAML alias"
	default:
		return "`" + v.node.Value + "`"
	}
}

// mapping reads a mapping that has no other keys than known.
func mapping(known fields) decoder {
	return func(v value) error {
		return eachEntry(v, func(key string, entry value) error {
			decode, ok := known[key]
			if !ok {
				names := slices.Sorted(maps.Keys(known))
				return entry.failf("is not honoured by this rdd; known here: %s", strings.Join(names, ", "))
			}
			if absent(entry.node) {
				return nil
			}
			return decode(entry)
		})
	}
}

// eachEntry calls do for each entry of a mapping and refuses double keys.
func eachEntry(v value, do func(key string, entry value) error) error {
	if v.node.Kind != yaml.MappingNode {
		return v.failf("must be a mapping; got %s", v.describe())
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		key := v.node.Content[i]
		if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
			return v.at(v.path, key).failf("has a key that is not plain text")
		}
		if seen[key.Value] {
			return v.child(key.Value, key).failf("is given twice")
		}
		seen[key.Value] = true
		if err := do(key.Value, v.child(key.Value, v.node.Content[i+1])); err != nil {
			return err
		}
	}
	return nil
}

// absent reports whether a value counts as not given.
func absent(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.Tag == "!!null" }

// list reads a sequence with decode for each element.
func list[T any](into *[]T, decode func(*T, value) error) decoder {
	return func(v value) error {
		if v.node.Kind != yaml.SequenceNode {
			return v.failf("must be a list; got %s", v.describe())
		}
		elements := make([]T, len(v.node.Content))
		for i, node := range v.node.Content {
			if err := decode(&elements[i], v.element(i, node)); err != nil {
				return err
			}
		}
		*into = elements
		return nil
	}
}

// text reads any scalar as it is written.
func text(into *string) decoder {
	return func(v value) error {
		if v.node.Kind != yaml.ScalarNode || absent(v.node) {
			return v.failf("must be text; got %s", v.describe())
		}
		*into = v.node.Value
		return nil
	}
}

// textOr reads text, and standard as none.
func textOr(standard string, into *string) decoder {
	return func(v value) error {
		if err := text(into)(v); err != nil {
			return err
		}
		if *into == standard {
			*into = ""
		}
		return nil
	}
}

// texts reads a mapping of names to text.
func texts(into *map[string]string) decoder {
	return func(v value) error {
		m := map[string]string{}
		err := eachEntry(v, func(key string, entry value) error {
			var s string
			err := text(&s)(entry)
			m[key] = s
			return err
		})
		*into = m
		return err
	}
}

// integer reads a decimal integer.
func integer(into *int) decoder {
	return func(v value) error {
		n, err := strconv.Atoi(v.node.Value)
		if v.node.Kind != yaml.ScalarNode || err != nil {
			return v.failf("must be an integer; got %s", v.describe())
		}
		*into = n
		return nil
	}
}

// size reads a number of bytes in Lima's spelling: 4GiB, 512MiB, 1.5G, 1073741824.
func size(into *int64) decoder {
	return func(v value) error {
		n, err := units.RAMInBytes(v.node.Value)
		if v.node.Kind != yaml.ScalarNode || err != nil || n <= 0 || n > maxSize {
			return v.failf("must be a size such as 4GiB; got %s", v.describe())
		}
		*into = n
		return nil
	}
}

// only accepts one spelling and changes nothing.
func only(accepted string) decoder {
	return func(v value) error {
		if v.node.Kind != yaml.ScalarNode || v.node.Value != accepted {
			return v.failf("must be %s; got %s", accepted, v.describe())
		}
		return nil
	}
}

// boolean reads true or false.
func boolean(into *bool) decoder { return func(v value) error { return decodeBool(into, v) } }

func decodeBool(into *bool, v value) error {
	if v.node.Kind != yaml.ScalarNode || v.node.Value != "true" && v.node.Value != "false" {
		return v.failf("must be true or false; got %s", v.describe())
	}
	*into = v.node.Value == "true"
	return nil
}

func decodeInt(into *int, v value) error { return integer(into)(v) }

// optional reads a value into a variable that is nil as long as there is none.
func optional[T any](into **T, decode func(*T, value) error) decoder {
	return func(v value) error {
		*into = new(T)
		return decode(*into, v)
	}
}
