// SPDX-License-Identifier: Apache-2.0

package template

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"

	"rancherdesktop.io/rdd/internal/vm"
)

// Document is a template's text, parsed as YAML and not validated yet.
type Document struct {
	root *yaml.Node
	// origin is the file or URL it was read from; empty when there is no other.
	origin string
	// origins are those of the nodes that were merged from other documents.
	origins map[*yaml.Node]string
}

// Parse reads a document. origin is its file's path or its URL, for messages and for relative
// locators; empty: it has none.
//
// The error wraps a *ParseError.
func Parse(data []byte, origin string) (*Document, error) {
	root, err := parseYAML(data)
	if err != nil {
		var parse *ParseError
		if errors.As(err, &parse) {
			parse.Origin = origin
		}
		return nil, fmt.Errorf("failed to parse template: %w", err)
	}
	return &Document{root: root, origin: origin, origins: map[*yaml.Node]string{}}, nil
}

// YAML encodes the document, with its comments.
func (d *Document) YAML() ([]byte, error) {
	data, err := yaml.Dump(copyOf(d.root)) // writing takes the tags off the nodes it is given
	if err != nil {
		return nil, fmt.Errorf("writing the template: %w", err)
	}
	return data, nil
}

// copyOf copies a node with all below it.
func copyOf(node *yaml.Node) *yaml.Node {
	c := *node
	c.Content = make([]*yaml.Node, len(node.Content))
	for i, child := range node.Content {
		c.Content[i] = copyOf(child)
	}
	return &c
}

// Load reads the document's template as the function Load does.
func (d *Document) Load(params map[string]string, host Host) (*Template, error) {
	if err := d.addBuiltinBases(); err != nil {
		return nil, err
	}
	t, found := &Template{}, places{}
	if err := t.decode(value{node: d.root, places: found, document: d}); err != nil {
		return nil, found.locate(err)
	}
	if err := t.complete(params, host); err != nil {
		return nil, found.locate(err)
	}
	return t, nil
}

// originOf returns the origin of the document that a node was read from.
func (d *Document) originOf(node *yaml.Node) string {
	if origin, ok := d.origins[node]; ok {
		return origin
	}
	return d.origin
}

// place is a position in a text.
type place struct {
	origin       string
	line, column int
}

func (p place) String() string {
	at := fmt.Sprintf("line %d, column %d", p.line, p.column)
	if p.origin != "" {
		return p.origin + ", " + at
	}
	return at
}

// places maps the path of a field to its position.
type places map[string]place

// locate completes a validation error with the position of its field, or of the nearest field
// around it that the text has.
func (p places) locate(err error) error {
	var invalid *vm.InvalidSpecError
	if errors.As(err, &invalid) {
		if at, ok := p.nearest(invalid.Field); ok {
			invalid.Reason += " (" + at.String() + ")"
		}
	}
	return fmt.Errorf("failed to validate template: %w", err)
}

// nearest returns the position of a path, or of the nearest one around it.
func (p places) nearest(path string) (place, bool) {
	for {
		if at, ok := p[path]; ok {
			return at, true
		}
		if path == "" {
			return place{}, false
		}
		path = parent(path)
	}
}

// parent removes the last element of a path; the parent of a field at the root is empty.
func parent(path string) string { return path[:max(0, strings.LastIndexAny(path, ".["))] }
