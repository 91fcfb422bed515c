// SPDX-License-Identifier: Apache-2.0

package assign

import (
	"bufio"
	"container/list"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"sync"

	"github.com/mikefarah/yq/v4/pkg/yqlib"
)

// evaluating is held while yq's library works: its parser, logger and limits are variables of it.
var evaluating sync.Mutex

// valueError is an error that depends on the values in the file.
type valueError struct{ error }

func (e *valueError) Unwrap() error { return e.error }

// preferences are those of yq's own command.
func preferences() yqlib.YamlPreferences { return yqlib.NewDefaultYamlPreferences() }

// read returns the document of a YAML or JSON text, which is a mapping when the text has none.
func read(text string) (*yqlib.CandidateNode, error) {
	evaluating.Lock()
	defer evaluating.Unlock()
	decoder := yqlib.NewYamlDecoder(preferences())
	err := decoder.Init(bufio.NewReader(strings.NewReader(text)))
	var root *yqlib.CandidateNode
	if err == nil {
		root, err = decoder.Decode()
	}
	if errors.Is(err, io.EOF) {
		root, err = &yqlib.CandidateNode{Kind: yqlib.ScalarNode, Tag: "!!null"}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the file: %w", err)
	}
	if _, err := decoder.Decode(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the file has several documents; it can be changed when it has one")
	}
	if root.Tag == "!!null" {
		root.Kind, root.Tag, root.Value = yqlib.MappingNode, "!!map", ""
	}
	return root, nil
}

// evaluate returns the document after an expression.
func (e Evaluator) evaluate(root *yqlib.CandidateNode, expression string) (changed *yqlib.CandidateNode, err error) {
	evaluating.Lock()
	defer evaluating.Unlock()
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("yq cannot evaluate it: %v", fault) // a fault of the library
		}
	}()
	yqlib.GetLogger().SetSlogger(slog.New(slog.DiscardHandler))
	yqlib.ConfiguredSecurityPreferences = yqlib.SecurityPreferences{DisableEnvOps: !e.Host, DisableFileOps: !e.Host}
	yqlib.InitExpressionParser()
	tree, err := yqlib.ExpressionParser.ParseExpression(withSpaces(expression))
	if err != nil {
		return nil, parseError(err)
	}
	if err := e.permitted(tree); err != nil {
		return nil, err
	}
	results := list.New()
	results.PushBack(root)
	after, err := evaluateTree(yqlib.NewDataTreeNavigator(), yqlib.Context{MatchingNodes: results}, tree)
	if err != nil {
		return nil, &valueError{err}
	}
	return document(after.MatchingNodes)
}

// evaluateTree evaluates the parts of `A | B` one after the other, and looks before each assignment
// whether the file can have what it names: yq itself leaves out what it cannot set.
func evaluateTree(navigator yqlib.DataTreeNavigator, now yqlib.Context, tree *yqlib.ExpressionNode) (yqlib.Context, error) {
	switch kindOf(tree) {
	case "PIPE":
		if kindOf(tree.LHS) == "ASSIGN_VARIABLE" {
			break // its variable holds for what follows
		}
		left, err := evaluateTree(navigator, now, tree.LHS)
		if err != nil {
			return left, err
		}
		return evaluateTree(navigator, now.ChildContext(left.MatchingNodes), tree.RHS)
	case "ASSIGN", "ADD_ASSIGN", "SUBTRACT_ASSIGN", "MULTIPLY_ASSIGN":
		for element := now.MatchingNodes.Front(); element != nil; element = element.Next() {
			if err := settable(element.Value.(*yqlib.CandidateNode), keysOf(tree.LHS)); err != nil {
				return now, err
			}
		}
	}
	return navigator.GetMatchingNodes(now, tree)
}

// document is the only result of an expression, which must be a mapping or a list.
func document(results *list.List) (*yqlib.CandidateNode, error) {
	if results.Len() != 1 {
		return nil, fmt.Errorf("it yields %d values, not the changed file; an assignment yields that, such as `.a = 1`", results.Len())
	}
	result := results.Front().Value.(*yqlib.CandidateNode)
	if result.Kind != yqlib.MappingNode && result.Kind != yqlib.SequenceNode {
		return nil, fmt.Errorf("it yields `%s`, not the changed file; an assignment yields that, such as `.a = 1`", shortened(result.Value))
	}
	quoteNew(result)
	return result, nil
}

// permitted refuses what reads more than the file.
func (e Evaluator) permitted(tree *yqlib.ExpressionNode) error {
	if tree == nil || e.Host {
		return nil
	}
	switch kind := kindOf(tree); {
	case strings.HasPrefix(kind, "ENV"):
		return errors.New("it reads the environment, which it does not have here")
	case strings.HasPrefix(kind, "LOAD"), kind == "SYSTEM":
		return errors.New("it reads other files, which it does not have here")
	}
	return errors.Join(e.permitted(tree.LHS), e.permitted(tree.RHS))
}

// quoteNew writes the texts that an expression made in double quotes, as the expression had them.
// What was read has a line.
func quoteNew(node *yqlib.CandidateNode) {
	if node.Kind == yqlib.ScalarNode && node.Tag == "!!str" && node.Style == 0 && node.Line == 0 && !strings.Contains(node.Value, "\n") {
		node.Style = yqlib.DoubleQuotedStyle
	}
	for i, child := range node.Content {
		if node.Kind != yqlib.MappingNode || i%2 == 1 {
			quoteNew(child)
		}
	}
}

// yamlText is the text of a document, with its comments.
func yamlText(root *yqlib.CandidateNode) (string, error) {
	evaluating.Lock()
	defer evaluating.Unlock()
	results := list.New()
	results.PushBack(root)
	var b strings.Builder
	if err := yqlib.NewPrinter(yqlib.NewYamlEncoder(preferences()), yqlib.NewSinglePrinterWriter(&b)).PrintResults(results); err != nil {
		return "", fmt.Errorf("writing the file: %w", err)
	}
	return b.String(), nil
}

// Text is a text as an expression has it, in quotes.
func Text(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(text) + `"`
}

// lexed is how yq reports what it cannot read.
var lexed = regexp.MustCompile(`(?s)^(\d+):(\d+): lexer: invalid input text (.*)$`)

func parseError(err error) error {
	if found := lexed.FindStringSubmatch(err.Error()); found != nil {
		return fmt.Errorf("line %s, column %s: yq cannot read %s (texts are in double quotes)", found[1], found[2], shortened(found[3]))
	}
	return fmt.Errorf("yq cannot read it: %w", err)
}
