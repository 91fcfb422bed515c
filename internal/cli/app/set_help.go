// SPDX-License-Identifier: Apache-2.0

package app

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/property"
	"rancherdesktop.io/rdd/internal/cli/session"
)

// helpWidth is the width of the properties' help, in columns.
const helpWidth = 100

// firstSentence shortens a description for a table: it ends at the first full stop or semicolon.
func firstSentence(text string) string {
	for _, end := range []string{". ", "; "} {
		text, _, _ = strings.Cut(text, end)
	}
	return strings.TrimSuffix(text, ".")
}

// helpSet returns a help function that adds the list of all properties to the command's help.
func helpSet(s *session.Session) func(*cobra.Command, []string) {
	return func(cmd *cobra.Command, args []string) {
		if schema, err := knownSchema(cmd.Context(), s); err != nil {
			fmt.Fprintln(s.Err, "The properties cannot be explained:", err)
		} else {
			cmd.Long = setHelp + "\n\n" + explainProperties(schema)
		}
		cmd.Parent().HelpFunc()(cmd, args)
	}
}

// explainProperties describes all properties, and the fields of those that are lists of objects.
func explainProperties(schema *property.Schema) string {
	lines := []string{"Properties:"}
	for _, p := range schema.Properties() {
		lines = append(lines, explainProperty(p, "  ", p.Name+"=")...)
		for _, part := range p.Parts() {
			lines = append(lines, explainProperty(part, "      ", "[]."+part.Name+": ")...)
		}
	}
	return strings.Join(lines, "\n")
}

// explainProperty describes one property under its name, in lines of helpWidth.
func explainProperty(p property.Property, indent, name string) []string {
	head := indent + name + p.Form()
	if p.Required() {
		head += ", required"
	}
	if p.Default != nil {
		head += ", by default " + property.Show(p.Default)
	}
	lines := []string{head}
	for _, line := range wrap(p.Description, helpWidth) {
		lines = append(lines, indent+"    "+line)
	}
	return lines
}

// wrap breaks text into lines of at most width bytes, unless a word is longer.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
