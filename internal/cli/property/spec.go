// SPDX-License-Identifier: Apache-2.0

package property

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Patch returns the JSON merge patch of a spec that makes the settings.
func Patch(settings []Setting) map[string]any {
	spec := map[string]any{}
	for _, s := range settings {
		put(spec, s.Name, s.Value)
	}
	return spec
}

// New returns the spec of a new resource with these settings. Those without a value are left out.
func New(settings []Setting) map[string]any {
	return Patch(slices.DeleteFunc(slices.Clone(settings), func(s Setting) bool { return s.Value == nil }))
}

// put sets the value at a path, and creates the objects on the way there.
func put(spec map[string]any, name string, value any) {
	parent, rest, deeper := strings.Cut(name, ".")
	if !deeper {
		spec[name] = value
		return
	}
	child, ok := spec[parent].(map[string]any)
	if !ok {
		child = map[string]any{}
		spec[parent] = child
	}
	put(child, rest, value)
}

// Value returns the value of a spec at a path; nil when there is none.
func Value(spec map[string]any, name string) any {
	parent, rest, deeper := strings.Cut(name, ".")
	if !deeper {
		return spec[name]
	}
	child, _ := spec[parent].(map[string]any)
	return Value(child, rest)
}

// Difference is a property whose value changes.
type Difference struct {
	Name string `json:"property"`
	// Old and New are the values before and after; nil where there is none.
	Old any `json:"old,omitempty"`
	New any `json:"new,omitempty"`
}

// Compare lists the properties that differ between two specs, in the order of their names.
func Compare(before, after map[string]any) []Difference {
	from, to := map[string]any{}, map[string]any{}
	flatten(from, "", before)
	flatten(to, "", after)
	all := maps.Clone(from)
	maps.Copy(all, to)
	differences := []Difference{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !reflect.DeepEqual(from[name], to[name]) {
			differences = append(differences, Difference{name, from[name], to[name]})
		}
	}
	return differences
}

// flatten stores each value that is no object under its path.
func flatten(into map[string]any, path string, value any) {
	parts, ok := value.(map[string]any)
	if !ok {
		into[path] = value
		return
	}
	for key, part := range parts {
		flatten(into, join(path, key), part)
	}
}
