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
	eachText(t, dir, func(where, text string) {
		for _, m := range mentions.FindAllStringSubmatch(text, -1) {
			command := strings.TrimSpace(m[2])
			first, _, _ := strings.Cut(command, " ")
			written := m[1] == "`" || m[1] == ": " && first != "did" && first != "looks" // which go on as sentences
			if written || follow(tree, []string{first}) == nil {
				found = append(found, hint{where: where, command: command})
			}
		}
	})
	return found
}

// eachText calls visit with each text in the Go files below a directory that are no tests. Texts
// that are joined with + are one.
func eachText(t *testing.T, dir string, visit func(where, text string)) {
	t.Helper()
	for _, part := range []string{"api", "cmd", "internal"} {
		err := filepath.WalkDir(filepath.Join(dir, part), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			return textsOf(path, visit)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func textsOf(path string, visit func(where, text string)) error {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	ast.Inspect(file, func(n ast.Node) bool {
		expression, ok := n.(ast.Expr)
		if !ok {
			return true
		}
		text := joined(expression)
		if text == "" {
			return true
		}
		visit(files.Position(n.Pos()).String(), text)
		_, sum := n.(*ast.BinaryExpr)
		return !sum // its parts are in the text
	})
	return nil
}

// joined is the text of a literal, or of a sum of literals and other values, which are left out;
// empty for any other expression.
func joined(n ast.Expr) string {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		if n.Op == token.ADD {
			return joined(n.X) + joined(n.Y)
		}
	case *ast.BasicLit:
		if n.Kind == token.STRING {
			text, err := strconv.Unquote(n.Value)
			if err == nil { // the compiler has seen it
				return text
			}
		}
	}
	return ""
}

// harmful finds the commands in a text that lose something, or that the API may refuse.
var harmful = regexp.MustCompile(
	`rdd (?:ctl delete|limavm (?:delete|reset|rm)|service (?:delete|reset|restore|repair)|delete|reset|image (?:rm|prune))\b|` +
		`docker context rm\b`,
)

// harmless are the texts that may name such a command, each by a part of it: because the text says
// what is lost, or because nothing is.
var harmless = map[string]string{
	"to keep it: ":                               "asks the API server whether the deletion is allowed, and offers the other way",
	"with its disk":                              "says what is lost",
	"with an empty disk instead":                 "says what is lost, after the way that loses nothing",
	"to start over with nothing":                 "says what is lost",
	"a backup is put in its place":               "says what is lost",
	"To remove it afterwards":                    "the command was asked to delete it",
	"to wait for that: rdd delete":               "it is being deleted already",
	"To wait for that: rdd delete":               "it is being deleted already",
	"rdd status, or rdd delete again":            "it is being deleted already",
	"to see all: rdd service repair --list":      "lists only",
	"rdd image prune removes unused images":      "says what is lost",
	"free some space there (rdd image prune)":    "removes what nothing uses",
	"restore --list":                             "lists only",
	"to go back to it: rdd service restore":      "says what it does",
	"in its place: rdd service restore":          "says what it does",
	"which knows no VM":                          "says what is lost",
	"to reset that LimaVM":                       "the command was asked to reset it",
	"to let rdd make its own":                    "says what is lost, beside the other way",
	"does not exist any more; to take it back: ": "says what is lost, after the way that loses nothing",
	"(rdd service restore) brings it back":       "says what it does",
	"The present store is set aside":             "says what is lost",
	"rdd limavm delete ":                         "see deleteCommandOf",
}

// TestHintsNameNoHarmfulStep walks over every text that names a command which loses something. A
// new one has to say so, and is listed above.
func TestHintsNameNoHarmfulStep(t *testing.T) {
	found, used := 0, map[string]bool{}
	eachText(t, filepath.Join("..", ".."), func(where, text string) {
		for _, at := range harmful.FindAllStringIndex(text, -1) {
			if strings.HasPrefix(strings.TrimLeft(text, " "), "rdd ") || strings.Contains(text, "\n  rdd ") {
				continue // an example in a help text
			}
			found++
			excused := false
			for part := range harmless {
				if strings.Contains(text, part) {
					excused, used[part] = true, true
				}
			}
			if !excused {
				t.Errorf("%s: %q advises %q", where, text, text[at[0]:at[1]])
			}
		}
	})
	if found < 20 {
		t.Errorf("only %d such texts were found", found)
	}
	for part := range harmless {
		if !used[part] {
			t.Errorf("no text has %q", part)
		}
	}
}
