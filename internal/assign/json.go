// SPDX-License-Identifier: Apache-2.0

package assign

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

// writeJSON writes a node with the order of its keys, two spaces for each level.
func writeJSON(b *strings.Builder, node *yaml.Node, indent string) error {
	switch node.Kind {
	case yaml.MappingNode:
		return writeAll(b, node, indent, "{", "}", 2)
	case yaml.SequenceNode:
		return writeAll(b, node, indent, "[", "]", 1)
	case yaml.ScalarNode:
		return writeScalar(b, node)
	}
	return fmt.Errorf("the file has what JSON has not (line %d)", node.Line)
}

// writeAll writes the elements of a list, or with step 2 the entries of a mapping.
func writeAll(b *strings.Builder, node *yaml.Node, indent, begin, end string, step int) error {
	b.WriteString(begin)
	deeper := indent + "  "
	for i := 0; i+step <= len(node.Content); i += step {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString("\n" + deeper)
		if step == 2 {
			key, err := json.Marshal(node.Content[i].Value)
			if err != nil {
				return err
			}
			b.WriteString(string(key) + ": ")
		}
		if err := writeJSON(b, node.Content[i+step-1], deeper); err != nil {
			return err
		}
	}
	if len(node.Content) > 0 {
		b.WriteString("\n" + indent)
	}
	b.WriteString(end)
	return nil
}

func writeScalar(b *strings.Builder, node *yaml.Node) error {
	switch node.Tag {
	case "!!bool", "!!int", "!!float", "!!null":
		if json.Valid([]byte(node.Value)) {
			b.WriteString(node.Value)
			return nil
		}
	}
	text, err := json.Marshal(node.Value)
	b.Write(text)
	return err
}
