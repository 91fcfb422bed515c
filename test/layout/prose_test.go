// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What failed, and what to do about it, is a value: vm.Fault, status.failure, a condition's reason,
// the cause of an API error. A program that looks for words in a sentence breaks when somebody
// writes the sentence better. These tests keep controllers and commands from doing so. Texts of
// others that they do read are listed here.

// patterns are the regular expressions that are allowed, by the name of the declaration.
var patterns = map[string]string{
	"readableQuantity": "a quantity that a user wrote",
	"hugeExponent":     "a number that a user wrote",
	"isQuantity":       "a schema's pattern, on what a user wrote",
	"urlPattern":       "a URL that a user wrote",
	"digits":           "the numbers in progress, which make no new line of it; whatever the sentence",
}

// searches are functions of package strings that find something in a text.
var searches = []string{
	"Contains", "ContainsAny", "ContainsFunc", "ContainsRune", "Count", "Cut", "CutPrefix", "CutSuffix", "EqualFold", "Fields",
	"HasPrefix", "HasSuffix", "Index", "IndexAny", "LastIndex", "Split", "SplitN", "SplitAfter", "TrimPrefix", "TrimSuffix",
}

func TestNobodyReadsOurSentences(t *testing.T) {
	files, used := 0, map[string]bool{}
	for _, dir := range []string{"internal/cli", "internal/controllers"} {
		root := filepath.Join("..", "..", filepath.FromSlash(dir))
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			files++
			positions := token.NewFileSet()
			file, err := parser.ParseFile(positions, path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			for _, finding := range readingIn(file) {
				if finding.allowed {
					used[finding.in] = true
				} else {
					t.Errorf("%s: %s", positions.Position(finding.at), finding.what)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 50 {
		t.Fatalf("only %d files found: the walk is broken", files)
	}
	for name := range patterns {
		if !used[name] {
			t.Errorf("%s has no regular expression any more: take it off the list", name)
		}
	}
}

// TestReadingIsFound tests the search itself.
func TestReadingIsFound(t *testing.T) {
	for body, found := range map[string]bool{
		`_ = strings.Contains(err.Error(), "no space")`:                      true,
		`_ = strings.HasSuffix(c.Message, "Failed")`:                         true,
		`_, _, _ = strings.Cut(strings.TrimSpace(c.Status.Message), ": ")`:   true,
		`text := fmt.Sprint(err.Error()); _ = strings.TrimPrefix(text, "x")`: true,
		`_ = err.Error() == "boom"`:                                          true,
		`switch c.Message { case "boom": }`:                                  true,
		`_ = regexp.MustCompile("boom")`:                                     true,
		`_, _ = fmt.Sscanf(c.Message, "exit code %d", &code)`:                true,
		`_, _, _ = strings.Cut(c.Message, "\n")`:                             false,
		`_ = c.Message == ""`:                                                false,
		`_ = c.Message == other.Message`:                                     false,
		`_ = strings.HasPrefix(name, "x")`:                                   false,
		`_ = strings.ToUpper(c.Message)`:                                     false,
		`switch c.Reason { case "StartFailed": }`:                            false,
	} {
		source := "package p\nfunc f() {\n" + body + "\n}\n"
		file, err := parser.ParseFile(token.NewFileSet(), "p.go", source, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if got := readingIn(file); (len(got) > 0) != found {
			t.Errorf("%s: found %v", body, got)
		}
	}
}

type finding struct {
	at token.Pos
	// in is the declaration.
	in, what string
	allowed  bool
}

// readingIn finds the places where a file reads sentences.
func readingIn(file *ast.File) []finding {
	var all []finding
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			r := reading{name: d.Name.Name, sentences: map[string]bool{}}
			ast.Inspect(d, r.visit)
			all = append(all, r.found...)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				r := reading{}
				if value, ok := spec.(*ast.ValueSpec); ok {
					r.name = value.Names[0].Name
				}
				ast.Inspect(spec, r.visit)
				all = append(all, r.found...)
			}
		}
	}
	return all
}

// reading walks over one declaration.
type reading struct {
	name string
	// sentences are the variables whose value is a sentence, or a part of one.
	sentences map[string]bool
	found     []finding
}

func (r *reading) visit(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.AssignStmt:
		for i, to := range n.Lhs {
			if name, ok := to.(*ast.Ident); ok && r.isSentence(n.Rhs[min(i, len(n.Rhs)-1)]) {
				r.sentences[name.Name] = true
			}
		}
	case *ast.SelectorExpr:
		if isPackage(n.X, "regexp") && n.Sel.Name != "Regexp" {
			r.report(n, patterns, "a regular expression")
		}
	case *ast.CallExpr:
		if r.searches(n) {
			r.report(n, nil, "it looks for words in a sentence")
		}
	case *ast.BinaryExpr:
		if n.Op == token.EQL || n.Op == token.NEQ {
			if (r.isSentence(n.X) && isWords(n.Y)) || (r.isSentence(n.Y) && isWords(n.X)) {
				r.report(n, nil, "it compares a sentence with words")
			}
		}
	case *ast.SwitchStmt:
		if n.Tag != nil && r.isSentence(n.Tag) {
			r.report(n, nil, "it switches on a sentence")
		}
	}
	return true
}

// report notes a finding; allowed may name the declaration that it is in.
func (r *reading) report(node ast.Node, allowed map[string]string, what string) {
	_, ok := allowed[r.name]
	what = fmt.Sprintf("%s, in %s: decide by a value, or say in this test whose text it is", what, r.name)
	r.found = append(r.found, finding{at: node.Pos(), in: r.name, what: what, allowed: ok})
}

// searches reports whether a call looks for something in a sentence. Line breaks are allowed.
func (r *reading) searches(call *ast.CallExpr) bool {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !slices.ContainsFunc(call.Args, r.isSentence) {
		return false
	}
	if isPackage(selector.X, "fmt") {
		return strings.HasPrefix(selector.Sel.Name, "Sscan")
	}
	return isPackage(selector.X, "strings") && slices.Contains(searches, selector.Sel.Name) && !slices.ContainsFunc(call.Args, isSpace)
}

// isSentence reports whether an expression is made of the text of an error or of a message.
func (r *reading) isSentence(e ast.Expr) bool {
	found := false
	ast.Inspect(e, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.CallExpr:
			if selector, ok := n.Fun.(*ast.SelectorExpr); ok && len(n.Args) == 0 && selector.Sel.Name == "Error" {
				found = true
			}
		case *ast.SelectorExpr:
			found = found || n.Sel.Name == "Message"
		case *ast.Ident:
			found = found || r.sentences[n.Name]
		}
		return !found
	})
	return found
}

func isPackage(e ast.Expr, name string) bool {
	ident, ok := e.(*ast.Ident)
	return ok && ident.Name == name
}

func isWords(e ast.Expr) bool {
	literal, ok := e.(*ast.BasicLit)
	return ok && literal.Kind == token.STRING && literal.Value != `""`
}

func isSpace(e ast.Expr) bool {
	if literal, ok := e.(*ast.BasicLit); ok && literal.Kind == token.STRING {
		text, err := strconv.Unquote(literal.Value)
		return err == nil && text != "" && strings.TrimSpace(text) == ""
	}
	return false
}
