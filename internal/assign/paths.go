// SPDX-License-Identifier: Apache-2.0

package assign

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/mikefarah/yq/v4/pkg/yqlib"
)

// kindOf is the kind of an operation of yq; empty for none.
func kindOf(tree *yqlib.ExpressionNode) string {
	if tree == nil || tree.Operation == nil {
		return ""
	}
	return tree.Operation.OperationType.Type
}

// keysOf returns the keys of a plain path such as .a.b; nil for any other expression.
func keysOf(tree *yqlib.ExpressionNode) []string {
	switch kindOf(tree) {
	case "TRAVERSE_PATH":
		if key, isText := tree.Operation.Value.(string); isText && !strings.ContainsAny(key, "*?") {
			return []string{key}
		}
	case "SHORT_PIPE":
		above, below := keysOf(tree.LHS), keysOf(tree.RHS)
		if above != nil && below != nil {
			return append(above, below...)
		}
	}
	return nil
}

// settable reports by an error that a value on the way of keys can have no keys.
func settable(node *yqlib.CandidateNode, keys []string) error {
	for i, key := range keys {
		index, numErr := strconv.Atoi(key)
		switch {
		case node.Kind == yqlib.SequenceNode && numErr == nil: // .a.0 is .a[0]
			if index < 0 || index >= len(node.Content) {
				return nil
			}
			node = node.Content[index]
			continue
		case node.Kind == yqlib.ScalarNode && node.Tag != "!!null", node.Kind == yqlib.SequenceNode:
			return &valueError{fmt.Errorf("%s is no mapping in the file", "."+strings.Join(keys[:i], "."))}
		case node.Kind != yqlib.MappingNode:
			return nil // null becomes a mapping; an alias leads elsewhere
		}
		next := entry(node, key)
		if next == nil {
			return nil
		}
		node = next
	}
	return nil
}

// entry returns the value of a key; nil when there is none.
func entry(mapping *yqlib.CandidateNode, key string) *yqlib.CandidateNode {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}

// withSpaces writes `."a b"` as `["a b"]`: yq's own parser has only the latter for a key with
// spaces. What is in texts stays.
func withSpaces(expression string) string {
	var b strings.Builder
	for rest := expression; rest != ""; {
		quote := strings.IndexByte(rest, '"')
		if quote < 0 {
			b.WriteString(rest)
			break
		}
		end := endOfText(rest, quote)
		before, text := rest[:quote], rest[quote:end]
		rest = rest[end:]
		path, isKey := strings.CutSuffix(before, ".")
		if !isKey || !strings.Contains(text, " ") {
			b.WriteString(before + text)
			continue
		}
		if b.WriteString(path); path == "" || !endsPath(path) {
			b.WriteString(".")
		}
		b.WriteString("[" + text + "]")
	}
	return b.String()
}

// endsPath reports whether a key follows another: .a."b c", but not =."b c".
func endsPath(before string) bool {
	return !strings.ContainsAny(before[len(before)-1:], " \t\n(|=,;:+-*/[{")
}

// endOfText returns where the text ends that begins with the quote at begin.
func endOfText(expression string, begin int) int {
	for i := begin + 1; i < len(expression); i++ {
		switch expression[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(expression)
}
