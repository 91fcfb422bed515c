// SPDX-License-Identifier: Apache-2.0

package template

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"

	"rancherdesktop.io/rdd/internal/vm"
)

const (
	// MaxSize of a template's text, in bytes: the limit of a ConfigMap.
	MaxSize = 1 << 20
	// maxDepth of nested mappings and lists. No field is deeper than 6.
	maxDepth = 20
	// maxKey bounds the length of a key, in bytes, as messages contain keys.
	maxKey = 256
)

// ParseError says where a template is not YAML, or uses a part of YAML that rdd does not read.
type ParseError struct {
	// Line and Column count from 1; 0 when unknown.
	Line, Column int
	Reason       string
	// Origin is the file or URL when the template was merged from several; otherwise it is empty.
	Origin string
}

func (e *ParseError) Error() string {
	if e.Line == 0 {
		return e.Reason
	}
	return e.Reason + " (" + place{e.Origin, e.Line, e.Column}.String() + ")"
}

// Fault returns the error as a value: see vm.FaultOf.
func (e *ParseError) Fault() *vm.Fault { return &vm.Fault{Kind: vm.FaultSpec} }

// parseYAML reads one YAML document with a mapping at its root.
func parseYAML(data []byte) (*yaml.Node, error) {
	if err := checkText(data); err != nil {
		return nil, err
	}
	loader, err := yaml.NewLoader(bytes.NewReader(data), yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maxDepth))))
	if err != nil {
		return nil, parseError(data, err)
	}
	var document, next yaml.Node
	if err := loader.Load(&document); errors.Is(err, io.EOF) {
		return nil, &ParseError{Reason: "it is empty"}
	} else if err != nil {
		return nil, parseError(data, err)
	}
	if err := loader.Load(&next); err == nil {
		return nil, &ParseError{Line: next.Line, Column: next.Column, Reason: "it holds more than one YAML document"}
	} else if !errors.Is(err, io.EOF) {
		return nil, parseError(data, err)
	}
	if err := checkNode(&document); err != nil {
		return nil, err
	}
	if len(document.Content) != 1 || document.Content[0].Kind != yaml.MappingNode {
		return nil, &ParseError{
			Line: document.Line, Column: document.Column, Reason: "it is not a YAML mapping, which is made of lines such as `cpus: 2`",
		}
	}
	return document.Content[0], nil
}

// checkText refuses binary data and overlong texts before the YAML library reads them.
func checkText(data []byte) error {
	if len(data) > MaxSize {
		return &ParseError{Reason: fmt.Sprintf("it is %d bytes long; a template has at most %d", len(data), MaxSize)}
	}
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			line, column := position(data, i)
			return &ParseError{Line: line, Column: column, Reason: fmt.Sprintf("it is not UTF-8 text: byte 0x%02x", data[i])}
		case unicode.IsControl(r) && !strings.ContainsRune("\t\n\r\u0085", r):
			line, column := position(data, i)
			return &ParseError{Line: line, Column: column, Reason: fmt.Sprintf("it holds a control character, 0x%02x", r)}
		}
		i += size
	}
	return nil
}

// position returns the line and the column of the byte at an offset; columns count characters.
func position(data []byte, offset int) (line, column int) {
	before := data[:offset]
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(before[start:]) + 1
}

// checkNode refuses anchors, aliases, merge keys and foreign tags: with them a text may mean
// something else than it shows, or expand without bounds.
func checkNode(node *yaml.Node) error {
	reason := ""
	switch {
	case node.Kind == yaml.AliasNode:
		reason = fmt.Sprintf("the alias *%s is not read: write the value out", node.Value)
	case node.Anchor != "":
		reason = fmt.Sprintf("the anchor &%s is not read: write the value out where it is used", node.Anchor)
	case node.Tag == "!!merge":
		reason = "the merge key << is not read: write the values out, or use `base`"
	case !knownTag(node):
		reason = fmt.Sprintf("the tag %s is not read", node.Tag)
	}
	if reason != "" {
		return &ParseError{Line: node.Line, Column: node.Column, Reason: reason}
	}
	for _, child := range node.Content {
		if err := checkNode(child); err != nil {
			return err
		}
	}
	return nil
}

func knownTag(node *yaml.Node) bool {
	switch node.Tag {
	case "", "!!str", "!!int", "!!float", "!!bool", "!!null", "!!binary", "!!timestamp", "!!map", "!!seq":
		return true
	}
	return false
}

// parseError makes a ParseError of the YAML library's error, with a simpler message where the cause
// is known.
func parseError(data []byte, err error) *ParseError {
	var one *yaml.LoadError
	if !errors.As(err, &one) {
		return &ParseError{Reason: err.Error()}
	}
	e := &ParseError{Line: one.Mark.Line, Column: one.Mark.Column, Reason: one.Message}
	switch {
	case strings.HasPrefix(one.Message, "exceeded max depth"):
		e.Reason = fmt.Sprintf("it has more than %d mappings and lists in one another", maxDepth)
	case strings.Contains(one.Message, "found a tab character"),
		strings.Contains(one.Message, "cannot start any token") && tabAt(data, e.Line, e.Column):
		e.Reason = "there is a tab; YAML is indented with spaces"
	case strings.Contains(one.Message, "unknown anchor"):
		e.Reason += ", and aliases are not read: write the value out"
	}
	return e
}

// tabAt reports whether a line has a tab at or before a column.
func tabAt(data []byte, line, column int) bool {
	lines := bytes.SplitN(data, []byte("\n"), line+1)
	if line < 1 || line > len(lines) {
		return false
	}
	text := lines[line-1]
	return bytes.ContainsRune(text[:min(len(text), column)], '\t')
}
