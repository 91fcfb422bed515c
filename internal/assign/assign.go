// SPDX-License-Identifier: Apache-2.0

// Package assign changes values of configuration files by expressions such as
//
//	.features.cdi = true | .labels["a.b"] = "x" | del(.old)
//
// They are those of yq, evaluated by its library. The files are JSON, YAML or INI; what the
// expressions do not name stays, with its order, and in YAML with its comments.
package assign

import (
	"errors"
	"fmt"
	"path"
	"strings"
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

// Evaluator evaluates expressions. The zero value gives them nothing but the file.
type Evaluator struct {
	// Host lets them read the environment (env, strenv, envsubst) and files (load) of this process.
	Host bool
}

// Apply returns a file's text after an expression. An empty text is a file without values. The
// error names the expression, with the place in it where it cannot be read.
func (e Evaluator) Apply(format, text, expression string) (string, error) {
	if strings.TrimSpace(expression) == "" {
		return "", errors.New("the expression is empty; it is one of yq, such as `.a.b = true`")
	}
	var changed string
	var err error
	switch format {
	case INI:
		changed, err = e.applyINI(text, expression)
	case JSON, YAML:
		changed, err = e.applyTree(format, text, expression)
	default:
		return "", fmt.Errorf("the format `%s` is not one of %s, %s, %s", format, JSON, YAML, INI)
	}
	if err != nil {
		return "", fmt.Errorf("the expression `%s`: %w", shortened(expression), err)
	}
	return changed, nil
}

// Check reports what is wrong with an expression whatever is in the file: that it cannot be read,
// or that a file of that format without values would not be one afterwards. What goes wrong with
// the values of a file is found by Apply.
func (e Evaluator) Check(format, expression string) error {
	_, err := e.Apply(format, "", expression)
	var values *valueError
	if errors.As(err, &values) {
		return nil
	}
	return err
}

// shortened is an expression for a message.
func shortened(expression string) string {
	const most = 100
	if text := []rune(expression); len(text) > most {
		return string(text[:most]) + "…"
	}
	return expression
}

// applyTree changes a JSON or YAML document.
func (e Evaluator) applyTree(format, text, expression string) (string, error) {
	root, err := read(text)
	if err != nil {
		return "", err
	}
	if root, err = e.evaluate(root, expression); err != nil {
		return "", err
	}
	if format == YAML {
		return yamlText(root)
	}
	node, err := root.MarshalYAML()
	if err != nil {
		return "", fmt.Errorf("writing the file: %w", err)
	}
	var b strings.Builder
	if err := writeJSON(&b, node, ""); err != nil {
		return "", err
	}
	return b.String() + "\n", nil
}
