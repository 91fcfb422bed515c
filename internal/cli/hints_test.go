// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/serve"
	"rancherdesktop.io/rdd/internal/cli/session"
)

// hint is a command of rdd that a text names.
type hint struct{ where, command string }

// mentions finds rdd with what is before it and the words after it, which are a command or the rest
// of a sentence.
var mentions = regexp.MustCompile("(^ *|`|: |[^\\w/.-])rdd((?: +[a-z][a-z-]*)+)")

// TestHintsNameCommandsThatExist walks over every text of the program that names a command of rdd.
func TestHintsNameCommandsThatExist(t *testing.T) {
	tree := (&program{session: &session.Session{Engine: serve.OpenEngine}}).command()
	found := hintsBelow(t, filepath.Join("..", ".."), tree)
	if len(found) < 60 {
		t.Errorf("only %d hints were found", len(found))
	}
	for _, h := range found {
		if err := follow(tree, strings.Fields(h.command)); err != nil {
			t.Errorf("%s: `rdd %s`: %v", h.where, h.command, err)
		}
	}
}

func TestFollowFindsWrongHints(t *testing.T) {
	tree := (&program{session: &session.Session{Engine: serve.OpenEngine}}).command()
	for command, good := range map[string]bool{
		"service logs": true, "start": true, "svc status": true, "set property": true, "ctl get app": true,
		"service log": true, "service tail": false, "service": true, "limavm remove": false, "begin": false, "engine start": true,
	} {
		if err := follow(tree, strings.Fields(command)); (err == nil) != good {
			t.Errorf("rdd %s: %v", command, err)
		}
	}
}

// follow walks down the tree as far as there are groups of commands.
func follow(cmd *cobra.Command, names []string) error {
	for _, name := range names {
		if cmd.Name() == "ctl" || cmd.Name() == "kubectl" || !cmd.HasSubCommands() {
			return nil // what follows are arguments
		}
		i := slices.IndexFunc(cmd.Commands(), func(c *cobra.Command) bool { return c.Name() == name || c.HasAlias(name) })
		if i < 0 {
			return fmt.Errorf("%s has no command %s", cmd.CommandPath(), name)
		}
		cmd = cmd.Commands()[i]
	}
	return nil
}

// hintsBelow reads the texts of all Go files below a directory that are no tests. What follows rdd
// is a hint where it is written as one, in backquotes or after a colon, and where it begins with a
// command.
func hintsBelow(t *testing.T, dir string, tree *cobra.Command) []hint {
	t.Helper()
	var found []hint
	for _, part := range []string{"api", "cmd", "internal"} {
		err := filepath.WalkDir(filepath.Join(dir, part), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			hints, err := hintsOf(path, tree)
			found = append(found, hints...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

func hintsOf(path string, tree *cobra.Command) ([]hint, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var found []hint
	ast.Inspect(file, func(n ast.Node) bool {
		literal, ok := n.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			return true
		}
		text, err := strconv.Unquote(literal.Value)
		if err != nil {
			return true // the compiler has seen it
		}
		for _, m := range mentions.FindAllStringSubmatch(text, -1) {
			command := strings.TrimSpace(m[2])
			first, _, _ := strings.Cut(command, " ")
			written := m[1] == "`" || m[1] == ": " && first != "did" && first != "looks" // which go on as sentences
			if written || follow(tree, []string{first}) == nil {
				found = append(found, hint{where: files.Position(literal.Pos()).String(), command: command})
			}
		}
		return true
	})
	return found, nil
}
