// SPDX-License-Identifier: Apache-2.0

package measure

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"strings"
)

// source is a parsed Go file.
type source struct {
	file File
	fset *token.FileSet
	tree *ast.File
}

func parse(file File) (*source, error) {
	s := &source{file: file, fset: token.NewFileSet()}
	var err error
	if s.tree, err = parser.ParseFile(s.fset, file.Path, file.Data, parser.ParseComments); err != nil {
		return nil, fmt.Errorf("parsing a Go file: %w", err)
	}
	return s, nil
}

func (s *source) line(pos token.Pos) int { return s.fset.Position(pos).Line }

// functions returns the lines of each function declaration, signature and braces among them.
func (s *source) functions() []int {
	var lengths []int
	for _, decl := range s.tree.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Body != nil {
			lengths = append(lengths, s.line(f.End())-s.line(f.Pos())+1)
		}
	}
	return lengths
}

// kindOfLine says what a line of a Go file holds.
type kindOfLine uint8

const (
	blankLine kindOfLine = iota
	commentLine
	// licenceLine is a comment of the head, before the package clause and its doc comment.
	licenceLine
	codeLine
)

// lines says of each line, the first at index 0, what it holds. One with both code and a comment is
// code.
func (s *source) lines() []kindOfLine {
	kinds := make([]kindOfLine, len(s.file.Lines()))
	mark := func(from, to int, kind kindOfLine) {
		for i := from - 1; i < to && i < len(kinds); i++ {
			kinds[i] = max(kinds[i], kind)
		}
	}
	for _, group := range s.tree.Comments {
		kind := commentLine
		if group.End() < s.tree.Package && group != s.tree.Doc {
			kind = licenceLine
		}
		mark(s.line(group.Pos()), s.line(group.End()), kind)
	}
	s.tokens(func(from, to int) { mark(from, to, codeLine) })
	return kinds
}

// tokens calls found with the first and the last line of each token that is no comment.
func (s *source) tokens(found func(from, to int)) {
	var scan scanner.Scanner
	fset := token.NewFileSet()
	scan.Init(fset.AddFile(s.file.Path, -1, len(s.file.Data)), s.file.Data, nil, 0)
	for {
		pos, tok, literal := scan.Scan()
		if tok == token.EOF {
			return
		}
		if tok == token.SEMICOLON && literal == "\n" {
			continue // the scanner's own, at the end of a line
		}
		from := fset.Position(pos).Line
		found(from, from+strings.Count(literal, "\n"))
	}
}

// isDocumented reports whether the file has the doc comment of its package.
func (s *source) isDocumented() bool { return s.tree.Doc != nil && s.tree.Doc.Text() != "" }
