// SPDX-License-Identifier: Apache-2.0

package template

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/docker/go-units"
	"go.yaml.in/yaml/v4"

	"rancherdesktop.io/rdd/internal/levenshtein"
	"rancherdesktop.io/rdd/internal/vm"
)

// decoder reads one YAML value into the variable it was made for.
type decoder func(value) error

// fields are the keys that a mapping may have.
type fields map[string]decoder

// value is a YAML value with the path of its field.
type value struct {
	node *yaml.Node
	path string
	// places collects the position of each path that was read.
	places   places
	document *Document
}

// failf returns a *vm.InvalidSpecError for the value.
func (v value) failf(format string, args ...any) error {
	return &vm.InvalidSpecError{Field: v.path, Reason: fmt.Sprintf(format, args...)}
}

// child is the value of a key of a mapping.
func (v value) child(key string, node *yaml.Node) value {
	path := key
	if v.path != "" {
		path = v.path + "." + key
	}
	return v.at(path, node)
}

// element is the i-th value of a list.
func (v value) element(i int, node *yaml.Node) value {
	return v.at(fmt.Sprintf("%s[%d]", v.path, i), node)
}

// at is a node with its path, whose position is recorded.
func (v value) at(path string, node *yaml.Node) value {
	v.places[path] = place{v.document.originOf(node), node.Line, node.Column}
	return value{node: node, path: path, places: v.places, document: v.document}
}

// describe returns what the value is, for messages.
func (v value) describe() string {
	switch v.node.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	if absent(v.node) {
		return "nothing"
	}
	return "`" + shorten(v.node.Value) + "`"
}

// shorten cuts a value to one short line, for messages.
func shorten(text string) string {
	const most = 80
	text, _, cut := strings.Cut(text, "\n")
	if utf8.RuneCountInString(text) > most {
		text, cut = string([]rune(text)[:most]), true
	}
	if cut {
		text += "…"
	}
	return text
}

// mapping reads a mapping that has no other keys than known. A null counts as absent, also that of
// an unknown key, which a later Lima may have; but not where a known one may be meant.
func mapping(known fields) decoder {
	return func(v value) error {
		return eachEntry(v, func(key *yaml.Node, entry value) error {
			decode, ok := known[key.Value]
			if _, similar := known.nearest(key.Value); !ok && absent(entry.node) && !similar {
				return nil
			}
			if !ok {
				return v.child(key.Value, key).failf("is not a field that rdd knows here; %s", known.suggest(key.Value))
			}
			if absent(entry.node) {
				return nil
			}
			return decode(entry)
		})
	}
}

// suggest returns the field that a misspelled key may mean, or all of them.
func (f fields) suggest(key string) string {
	if nearest, similar := f.nearest(key); similar {
		return "did you mean `" + nearest + "`?"
	}
	return "there are: " + strings.Join(slices.Sorted(maps.Keys(f)), ", ")
}

// nearest returns the field whose name differs least from a key. similar reports whether it may be
// a misspelling.
func (f fields) nearest(key string) (name string, similar bool) {
	name = slices.MinFunc(slices.Sorted(maps.Keys(f)), func(a, b string) int {
		return cmp.Compare(levenshtein.Distance(a, key), levenshtein.Distance(b, key))
	})
	return name, levenshtein.Distance(name, key) <= len(key)/3
}

// eachEntry calls do for each entry of a mapping and refuses double keys.
func eachEntry(v value, do func(key *yaml.Node, entry value) error) error {
	if v.node.Kind != yaml.MappingNode {
		return v.failf("must be a mapping; got %s", v.describe())
	}
	seen := map[string]place{}
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		key := v.node.Content[i]
		if key.Kind != yaml.ScalarNode {
			return v.at(v.path, key).failf("has a key that is not plain text")
		}
		if len(key.Value) > maxKey {
			return v.at(v.path, key).failf("has a key of %d bytes: `%s`", len(key.Value), shorten(key.Value))
		}
		if !isLine(key.Value) {
			return v.at(v.path, key).failf("has the key %q, which is not plain text", key.Value)
		}
		if first, ok := seen[key.Value]; ok {
			return v.child(key.Value, key).failf("is given twice; first in line %d", first.line)
		}
		seen[key.Value] = place{line: key.Line}
		if err := do(key, v.child(key.Value, v.node.Content[i+1])); err != nil {
			return err
		}
	}
	return nil
}

// absent reports whether a value counts as not given.
func absent(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.Tag == "!!null" }

// textList reads a sequence of texts.
func textList(into *[]string) decoder {
	return list(into, func(into *string, v value) error { return text(into)(v) })
}

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

// text reads any scalar as it is written, and !!binary as what it encodes.
func text(into *string) decoder {
	return func(v value) error {
		if v.node.Kind != yaml.ScalarNode || absent(v.node) {
			return v.failf("must be text; got %s", v.describe())
		}
		*into = v.node.Value
		if v.node.Tag == "!!binary" {
			return decodeBinary(into, v)
		}
		return nil
	}
}

func decodeBinary(into *string, v value) error {
	data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(v.node.Value), ""))
	if err != nil {
		return v.failf("is tagged !!binary and is not base64: %v", err)
	}
	if !utf8.Valid(data) {
		return v.failf("must hold UTF-8 text")
	}
	*into = string(data)
	return nil
}

// textOr reads text; the value standard counts as absent.
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
		err := eachEntry(v, func(key *yaml.Node, entry value) error {
			var s string
			err := text(&s)(entry)
			m[key.Value] = s
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
