// SPDX-License-Identifier: Apache-2.0

// Package assign changes values of configuration files by expressions such as
//
//	.features.cdi = true | .labels["a.b"] = "x"
//
// They are the part of yq's language that sets values: paths, `=` and `|`. The files are JSON, YAML
// or INI; what the expressions do not name stays, with its order, and in YAML with its comments.
package assign

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Formats of files.
const (
	JSON = "json"
	YAML = "yaml"
	INI  = "ini"
)

// FormatOf returns the format of a file by its name: that of `auto`. Empty: it has no other.
func FormatOf(name string) string {
	switch path.Ext(name) {
	case ".json":
		return JSON
	case ".yaml", ".yml":
		return YAML
	case ".ini", ".conf", ".service", ".socket":
		return INI
	}
	return ""
}

// Apply returns a file's text after an expression. An empty text is a file without values.
func Apply(format, text, expression string) (string, error) {
	assignments, err := parse(expression)
	if err != nil {
		return "", err
	}
	switch format {
	case INI:
		return applyINI(text, assignments)
	case JSON, YAML:
		return applyTree(format, text, assignments)
	}
	return "", fmt.Errorf("the format `%s` is not one of %s, %s, %s", format, JSON, YAML, INI)
}

// applyTree changes a JSON or YAML document.
func applyTree(format, text string, assignments []assignment) (string, error) {
	root := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	if strings.TrimSpace(text) != "" {
		var document yaml.Node
		if err := yaml.Unmarshal([]byte(text), &document); err != nil {
			return "", fmt.Errorf("reading the file: %w", err)
		}
		if len(document.Content) == 1 && document.Content[0].Tag != "!!null" {
			root = document.Content[0]
		}
	}
	for _, a := range assignments {
		if err := set(root, a); err != nil {
			return "", err
		}
	}
	if format == JSON {
		var b strings.Builder
		if err := writeJSON(&b, root, ""); err != nil {
			return "", err
		}
		return b.String() + "\n", nil
	}
	data, err := yaml.Dump(root)
	return string(data), err
}

// set makes the mappings of a path and sets its value.
func set(node *yaml.Node, a assignment) error {
	for i, key := range a.path {
		if node.Kind != yaml.MappingNode {
			return fmt.Errorf("%s is no mapping in the file", "."+strings.Join(a.path[:i], "."))
		}
		child := entry(node, key)
		if child == nil || i+1 < len(a.path) && child.Tag == "!!null" {
			child = replaced(node, key, &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"})
		}
		if i+1 == len(a.path) {
			value := *a.value
			replaced(node, key, &value)
		}
		node = child
	}
	return nil
}

// entry returns the value of a key; nil when there is none.
func entry(mapping *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}

// replaced sets the value of a key and returns it.
func replaced(mapping *yaml.Node, key string, value *yaml.Node) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			mapping.Content[i+1] = value
			return value
		}
	}
	mapping.Content = append(mapping.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, value)
	return value
}

// applyINI sets `.Section.Key`, or `.Key` before the first section.
func applyINI(text string, assignments []assignment) (string, error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if text == "" {
		lines = nil
	}
	for _, a := range assignments {
		if len(a.path) > 2 || a.value.Kind != yaml.ScalarNode {
			return "", errors.New("in an INI file a path is .Section.Key, and a value one text or number")
		}
		section := ""
		if len(a.path) == 2 {
			section = a.path[0]
		}
		lines = setLine(lines, section, a.path[len(a.path)-1], a.value.Value)
	}
	return strings.Join(lines, "\n") + "\n", nil
}

// setLine replaces the line of a key in a section, or adds it there.
func setLine(lines []string, section, key, value string) []string {
	in, end, found := section == "", len(lines), section == ""
	for i, line := range lines {
		trimmed := strings.TrimSpace(line)
		if strings.HasPrefix(trimmed, "[") {
			if in {
				end = i
				break
			}
			in = trimmed == "["+section+"]"
			found = found || in
			continue
		}
		if name, _, isKey := strings.Cut(trimmed, "="); in && isKey && strings.TrimSpace(name) == key {
			lines[i] = key + "=" + value
			return lines
		}
	}
	if !found {
		return append(lines, "["+section+"]", key+"="+value)
	}
	return append(lines[:end:end], append([]string{key + "=" + value}, lines[end:]...)...)
}
