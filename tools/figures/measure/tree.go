// SPDX-License-Identifier: Apache-2.0

package measure

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Kind of a file, which says how its lines are judged.
type Kind string

const (
	// Other is a file that is not measured.
	Other Kind = ""
	// Go is a Go file that people write.
	Go Kind = "Go"
	// Generated is a Go file that a program writes.
	Generated Kind = "generated Go"
	// Markdown is a page of documentation.
	Markdown Kind = "Markdown"
	// Shell is a shell script, by its name or its first line.
	Shell Kind = "shell"
	// Script is a testscript file.
	Script Kind = "testscript"
)

// File of a tree.
type File struct {
	// Path from the tree's root, with slashes.
	Path string
	Kind Kind
	// Test says that the file tests, or that only tests use it.
	Test bool
	Data []byte
}

// Lines of the file, without their ends.
func (f File) Lines() []string {
	text := strings.TrimSuffix(string(f.Data), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// Files reads all files of a tree that are measured, in the order of their paths. Folders that
// begin with a dot, and the programs in bin, are left out. It returns an error when something
// cannot be read.
func Files(tree fs.FS) ([]File, error) {
	var files []File
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (strings.HasPrefix(entry.Name(), ".") || name == "bin"):
			return fs.SkipDir
		case !entry.Type().IsRegular():
			return nil
		}
		data, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		if kind := kindOf(name, data); kind != Other {
			files = append(files, File{Path: name, Kind: kind, Test: isTest(name), Data: data})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the tree: %w", err)
	}
	return files, nil
}

func kindOf(name string, data []byte) Kind {
	switch path.Ext(name) {
	case ".go":
		if isGenerated(data) {
			return Generated
		}
		return Go
	case ".md":
		return Markdown
	case ".txtar", ".txt":
		if path.Base(path.Dir(name)) == "script" {
			return Script
		}
		return Other
	case ".sh", ".bash":
		return Shell
	}
	first, _, _ := bytes.Cut(data, []byte("\n"))
	if bytes.HasPrefix(first, []byte("#!")) && bytes.HasSuffix(first, []byte("sh")) {
		return Shell
	}
	return Other
}

// isGenerated goes by the line that https://go.dev/s/generatedcode asks for.
func isGenerated(data []byte) bool {
	for line := range bytes.Lines(data) {
		line = bytes.TrimRight(line, "\r\n")
		if bytes.HasPrefix(line, []byte("package ")) {
			return false
		}
		if bytes.HasPrefix(line, []byte("// Code generated ")) && bytes.HasSuffix(line, []byte(" DO NOT EDIT.")) {
			return true
		}
	}
	return false
}

// isTest counts fakes and suites among the tests: no program is linked with them.
func isTest(name string) bool {
	if strings.HasSuffix(name, "_test.go") {
		return true
	}
	for _, folder := range strings.Split(path.Dir(name), "/") {
		if folder == "fake" || folder == "testdata" || strings.HasSuffix(folder, "test") {
			return true
		}
	}
	return false
}
