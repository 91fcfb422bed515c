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

// keysOf returns the keys and indexes of a plain path such as .a.b[0]["c"]; nil for any other
// expression.
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
	case "TRAVERSE_ARRAY":
		if key, isOne := bracketKey(tree.RHS); isOne && kindOf(tree.LHS) == "SELF" {
			return []string{key}
		} else if above := keysOf(tree.LHS); isOne && above != nil {
			return append(above, key)
		}
	}
	return nil
}

// bracketKey returns the one key or index between brackets.
func bracketKey(tree *yqlib.ExpressionNode) (key string, isOne bool) {
	if kindOf(tree) != "COLLECT" {
		return "", false
	}
	switch kindOf(tree.RHS) {
	case "VALUE":
		key = tree.RHS.Operation.StringValue
	case "STRING_INT":
		key, _ = tree.RHS.Operation.Value.(string)
	}
	return key, key != "" && !strings.ContainsAny(key, `*?\`)
}

// settable reports by an error that a value on the way of keys can have no keys.
func settable(node *yqlib.CandidateNode, keys []string) error {
	for i, key := range keys {
		switch {
		case node.Kind == yqlib.SequenceNode && isIndex(key): // .a.0 is .a[0]
			node = item(node, key)
		case node.Kind == yqlib.ScalarNode && node.Tag != "!!null", node.Kind == yqlib.SequenceNode:
			return &valueError{fmt.Errorf("%s is no mapping in the file", "."+strings.Join(keys[:i], "."))}
		case node.Kind != yqlib.MappingNode:
			return nil // null becomes a mapping; an alias leads elsewhere
		default:
			node = entry(node, key)
		}
		if node == nil {
			return nil
		}
	}
	return nil
}

func isIndex(key string) bool {
	_, err := strconv.Atoi(key)
	return err == nil
}

// item returns the item of a list at an index, which counts from the end when it is negative; nil
// when there is none.
func item(list *yqlib.CandidateNode, index string) *yqlib.CandidateNode {
	i, err := strconv.Atoi(index)
	if i < 0 {
		i += len(list.Content)
	}
	if err != nil || i < 0 || i >= len(list.Content) {
		return nil
	}
	return list.Content[i]
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
