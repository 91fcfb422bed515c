// SPDX-License-Identifier: Apache-2.0

package measure

import (
	"io/fs"
	"path"
	"slices"
)

// maxFunction is how many lines a function may have.
const maxFunction = 100

// Figures of a source tree. Functions, files and comments are those of the code: Go that people
// write, without tests.
type Figures struct {
	// FunctionP50, FunctionP95 and FunctionMax are lengths of functions in lines.
	FunctionP50 int `json:"functionP50"`
	FunctionP95 int `json:"functionP95"`
	FunctionMax int `json:"functionMax"`
	// LongFunctions is the share of functions above 100 lines, from 0 to 1.
	LongFunctions float64 `json:"longFunctions"`
	// FileP95 and FileMax are lengths of files in lines.
	FileP95 int `json:"fileP95"`
	FileMax int `json:"fileMax"`
	// Files of code, Packages of code and tests.
	Files    int `json:"files"`
	Packages int `json:"packages"`
	// CodeLines are all lines of the code's files, TestLines those of Go files that test or that only
	// tests use.
	CodeLines int `json:"codeLines"`
	TestLines int `json:"testLines"`
	// TestRatio is lines of tests for each line of code. TestRatioWithScripts counts testscript files
	// and the tests' shell scripts as tests, and other shell scripts as code.
	TestRatio            float64 `json:"testRatio"`
	TestRatioWithScripts float64 `json:"testRatioWithScripts"`
	// CommentShare is the share of lines that hold a comment alone, without licence heads, from 0
	// to 1.
	CommentShare float64 `json:"commentShare"`
	// Undocumented are the folders of packages without a doc comment.
	Undocumented []string `json:"undocumented"`
	// DocumentationLines are the lines of all Markdown pages.
	DocumentationLines int `json:"documentationLines"`
	// LongCode and LongText are numbers of lines beyond MaxCode and MaxText columns, tests among them.
	LongCode int `json:"longCode"`
	LongText int `json:"longText"`
}

// counts is what the figures are made of.
type counts struct {
	functions, files     []int
	comments             int
	code, test           int // lines of Go
	scripts, testScripts int // lines of other files
	documentation        int
	documented           map[string]bool // by package folder
	longCode, longText   int
}

// Of measures a tree. It returns an error when something cannot be read, or is no Go.
func Of(tree fs.FS) (Figures, error) {
	files, err := Files(tree)
	if err != nil {
		return Figures{}, err
	}
	c := counts{documented: map[string]bool{}}
	for _, f := range files {
		if err := c.add(f); err != nil {
			return Figures{}, err
		}
	}
	return c.figures(), nil
}

func (c *counts) add(f File) error {
	lines := len(f.Lines())
	switch {
	case f.Kind == Go:
		if err := c.addSource(f); err != nil {
			return err
		}
	case f.Kind == Markdown:
		c.documentation += lines
	case f.Kind == Script, f.Kind == Shell && f.Test:
		c.testScripts += lines
	case f.Kind == Shell:
		c.scripts += lines
	}
	long, err := TooLong(f)
	for _, l := range long {
		if l.Limit == MaxText {
			c.longText++
		} else {
			c.longCode++
		}
	}
	return err
}

func (c *counts) addSource(f File) error {
	s, err := parse(f)
	if err != nil {
		return err
	}
	folder := path.Dir(f.Path)
	c.documented[folder] = c.documented[folder] || s.isDocumented()
	lines := s.lines()
	if f.Test {
		c.test += len(lines)
		return nil
	}
	c.code += len(lines)
	c.files = append(c.files, len(lines))
	c.functions = append(c.functions, s.functions()...)
	for _, kind := range lines {
		if kind == commentLine {
			c.comments++
		}
	}
	return nil
}

func (c *counts) figures() Figures {
	slices.Sort(c.functions)
	slices.Sort(c.files)
	long := len(c.functions) - countUpTo(c.functions, maxFunction)
	f := Figures{
		FunctionP50: percentile(c.functions, 50), FunctionP95: percentile(c.functions, 95), FunctionMax: percentile(c.functions, 100),
		LongFunctions: ratio(long, len(c.functions)),
		FileP95:       percentile(c.files, 95), FileMax: percentile(c.files, 100),
		Files: len(c.files), Packages: len(c.documented),
		CodeLines: c.code, TestLines: c.test,
		TestRatio: ratio(c.test, c.code), TestRatioWithScripts: ratio(c.test+c.testScripts, c.code+c.scripts),
		CommentShare: ratio(c.comments, c.code), Undocumented: []string{},
		DocumentationLines: c.documentation, LongCode: c.longCode, LongText: c.longText,
	}
	for folder, documented := range c.documented {
		if !documented {
			f.Undocumented = append(f.Undocumented, folder)
		}
	}
	slices.Sort(f.Undocumented)
	return f
}

// percentile of sorted values by nearest rank: the smallest value that p per cent do not exceed; 0
// of none.
func percentile(sorted []int, p int) int {
	if len(sorted) == 0 {
		return 0
	}
	rank := (p*len(sorted) + 99) / 100
	return sorted[max(rank, 1)-1]
}

// countUpTo is how many of the sorted values are at most limit.
func countUpTo(sorted []int, limit int) int {
	n, _ := slices.BinarySearch(sorted, limit+1)
	return n
}

// ratio is 0 where there is nothing to divide by.
func ratio(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}
