// SPDX-License-Identifier: Apache-2.0

package app

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/property"
	"rancherdesktop.io/rdd/internal/cli/session"
)

// helpWidth is how long the lines of the properties' help are.
const helpWidth = 100

// firstSentence is enough of a description for a table.
func firstSentence(text string) string {
	for _, end := range []string{". ", "; "} {
		text, _, _ = strings.Cut(text, end)
	}
	return strings.TrimSuffix(text, ".")
}

// helpSet explains the command with all properties.
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

// explainProperties tells all about each property.
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

// explainProperty tells of one, under its name.
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

// wrap breaks text into lines of at most so many letters, unless a word is longer.
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
