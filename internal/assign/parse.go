// SPDX-License-Identifier: Apache-2.0

package assign

import (
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"
)

// assignment sets the value of a path.
type assignment struct {
	path  []string
	value *yaml.Node
}

// step is one key of a path: .key, ."any key" or ["any key"].
var step = regexp.MustCompile(`^(?:\.([A-Za-z0-9_-]+)|\.?\["((?:[^"\\]|\\.)*)"\]|\."((?:[^"\\]|\\.)*)")`)

// parse reads an expression.
func parse(expression string) ([]assignment, error) {
	var all []assignment
	rest := strings.TrimSpace(expression)
	for {
		a, after, err := parseOne(rest)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
		if rest = strings.TrimSpace(after); rest == "" {
			return all, nil
		}
		rest = strings.TrimSpace(strings.TrimPrefix(rest, "|"))
	}
}

// parseOne reads an assignment up to the `|` after it.
func parseOne(text string) (a assignment, rest string, err error) {
	rest = text
	for {
		match := step.FindStringSubmatch(rest)
		if match == nil {
			break
		}
		a.path = append(a.path, unescape(match[1]+match[2]+match[3]))
		rest = rest[len(match[0]):]
	}
	value, isSet := strings.CutPrefix(strings.TrimSpace(rest), "=")
	if len(a.path) == 0 || !isSet || strings.HasPrefix(value, "=") {
		return a, "", fmt.Errorf("only assignments such as `.a.b = true`, with `|` between them, can be evaluated; got `%.60s`", text)
	}
	value, rest = splitValue(value)
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(value), &document); err != nil || len(document.Content) != 1 || !isLiteral(document.Content[0]) {
		return a, "", fmt.Errorf(
			"the value must be a literal: text in double quotes, a number, true, false, null, a list or a mapping; got `%.60s`",
			strings.TrimSpace(value),
		)
	}
	a.value = document.Content[0]
	return a, rest, nil
}

// splitValue cuts at the first `|` outside of quotes.
func splitValue(text string) (value, rest string) {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch {
		case quoted && text[i] == '\\':
			i++
		case text[i] == '"':
			quoted = !quoted
		case text[i] == '|' && !quoted:
			return text[:i], text[i:]
		}
	}
	return text, ""
}

// isLiteral reports whether a value means itself in yq, too: text is quoted.
func isLiteral(node *yaml.Node) bool {
	switch node.Kind {
	case yaml.ScalarNode:
		return node.Tag != "!!str" || node.Style&yaml.DoubleQuotedStyle != 0
	case yaml.SequenceNode:
		for _, child := range node.Content {
			if !isLiteral(child) {
				return false
			}
		}
		return true
	case yaml.MappingNode:
		for _, child := range node.Content {
			if !isLiteral(child) {
				return false
			}
		}
		return true
	}
	return false
}

func unescape(key string) string { return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(key) }
