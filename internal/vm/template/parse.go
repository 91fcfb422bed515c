// SPDX-License-Identifier: Apache-2.0

package template

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"

	"rancherdesktop.io/rdd/internal/vm"
)

// ParseError says where a template is no YAML that rdd reads.
type ParseError struct {
	// Line and Column count from 1; 0 when unknown.
	Line, Column int
	Reason       string
}

func (e *ParseError) Error() string {
	if e.Line == 0 {
		return e.Reason
	}
	return fmt.Sprintf("%s (line %d, column %d)", e.Reason, e.Line, e.Column)
}

type place struct{ line, column int }

// places tells where each path stands in the text.
type places map[string]place

// locate completes a validation error with the place of its field, or of the nearest one around it that is given.
func (p places) locate(err error) error {
	var invalid *vm.InvalidSpecError
	if errors.As(err, &invalid) {
		for path := invalid.Field; path != ""; path = parent(path) {
			if at, ok := p[path]; ok {
				invalid.Reason += fmt.Sprintf(" (line %d, column %d)", at.line, at.column)
				break
			}
		}
	}
	return fmt.Errorf("failed to validate template: %w", err)
}

// parent takes the last step off a path; that of a field at the root is empty.
func parent(path string) string { return path[:max(0, strings.LastIndexAny(path, ".["))] }

// read turns the text into a Template without judging values.
func read(data []byte) (*Template, places, error) {
	root, err := parseYAML(data)
	if err != nil {
		return nil, nil, fmt.Errorf("failed to parse template: %w", err)
	}
	t, found := &Template{}, places{}
	if err := t.decode(value{node: root, places: found}); err != nil {
		return nil, nil, found.locate(err)
	}
	return t, found, nil
}

// parseYAML reads one YAML document with a mapping at its root.
func parseYAML(data []byte) (*yaml.Node, error) {
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		return nil, parseError(err)
	}
	var document, next yaml.Node
	if err := loader.Load(&document); errors.Is(err, io.EOF) {
		return nil, &ParseError{Reason: "it is empty"}
	} else if err != nil {
		return nil, parseError(err)
	}
	if err := loader.Load(&next); err == nil {
		return nil, &ParseError{Line: next.Line, Column: next.Column, Reason: "it holds more than one YAML document"}
	} else if !errors.Is(err, io.EOF) {
		return nil, parseError(err)
	}
	if len(document.Content) != 1 || document.Content[0].Kind != yaml.MappingNode {
		return nil, &ParseError{Line: document.Line, Column: document.Column, Reason: "it is not a YAML mapping"}
	}
	return document.Content[0], nil
}

// parseError takes the place out of a YAML library's error.
func parseError(err error) *ParseError {
	var one *yaml.LoadError
	if !errors.As(err, &one) {
		return &ParseError{Reason: err.Error()}
	}
	return &ParseError{Line: one.Mark.Line, Column: one.Mark.Column, Reason: one.Message}
}
