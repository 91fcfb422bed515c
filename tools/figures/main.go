// SPDX-License-Identifier: Apache-2.0

// Command figures prints by what the form of this source tree is judged: how long functions, files
// and lines are, how much is tested and commented, and which packages have no doc comment. It
// refuses nothing; test/layout does.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"rancherdesktop.io/rdd/tools/figures/measure"
)

func main() {
	root := flag.String("root", ".", "folder of the source tree")
	output := flag.String("o", "table", "output format: table or json")
	flag.Parse()
	if err := run(os.Stdout, *root, *output); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(1)
	}
}

func run(out io.Writer, root, output string) error {
	if output != "table" && output != "json" {
		return fmt.Errorf("-o must be table or json, not %q", output)
	}
	f, err := measure.Of(os.DirFS(root))
	if err != nil {
		return err
	}
	if output == "json" {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(f)
	}
	return table(out, f)
}

func table(out io.Writer, f measure.Figures) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name, format string, values ...any) { fmt.Fprintf(w, name+"\t"+format+"\n", values...) }
	row("function lines, p50 / p95 / max", "%d / %d / %d", f.FunctionP50, f.FunctionP95, f.FunctionMax)
	row("functions above 100 lines", "%.1f %%", 100*f.LongFunctions)
	row("file lines, p95 / max", "%d / %d", f.FileP95, f.FileMax)
	row("files / packages", "%d / %d", f.Files, f.Packages)
	row("lines of code / tests", "%d / %d", f.CodeLines, f.TestLines)
	row("tests / code", "%.2f", f.TestRatio)
	row("tests / code, with scripts", "%.2f", f.TestRatioWithScripts)
	row("comment share, without licence heads", "%.1f %%", 100*f.CommentShare)
	row("packages without a doc comment", "%s", none(f.Undocumented))
	row("lines of documentation", "%d", f.DocumentationLines)
	row(fmt.Sprintf("lines of code beyond %d columns", measure.MaxCode), "%d", f.LongCode)
	row(fmt.Sprintf("lines of comments and docs beyond %d columns", measure.MaxText), "%d", f.LongText)
	return w.Flush()
}

func none(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}
