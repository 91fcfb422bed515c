// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	ctrl "sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	"rancherdesktop.io/rdd/api/crds"
	"rancherdesktop.io/rdd/internal/cli/property"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
)

const (
	// appDefinition is the App's CustomResourceDefinition, appDefinitionFile the one that this program holds.
	appDefinition     = "apps.app.rancherdesktop.io"
	appDefinitionFile = "app.rancherdesktop.io_apps.yaml"
	// helpWidth is how long the lines of the properties' help are.
	helpWidth = 100
)

// readSchema reads what an App can be from the API.
func readSchema(ctx context.Context, c ctrl.Reader) (*property.Schema, error) {
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := c.Get(ctx, ctrl.ObjectKey{Name: appDefinition}, crd); err != nil {
		return nil, fmt.Errorf("reading the App's schema: %w", err)
	}
	return property.Of(crd, appv1.GroupVersion.Version)
}

// embeddedSchema is the one that a daemon of this program gives the API.
func embeddedSchema() (*property.Schema, error) {
	data, err := crds.Files.ReadFile(appDefinitionFile)
	if err != nil {
		return nil, fmt.Errorf("reading the App's schema: %w", err)
	}
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.Unmarshal(data, crd); err != nil {
		return nil, fmt.Errorf("reading the App's schema: %w", err)
	}
	return property.Of(crd, appv1.GroupVersion.Version)
}

// knownSchema is the one in the API of a running daemon, else this program's. It starts nothing.
func knownSchema(ctx context.Context, s *session.Session) (*property.Schema, error) {
	ctx, cancel := context.WithTimeout(ctx, session.CompletionTimeout)
	defer cancel()
	if c, err := s.Peek(ctx); err == nil {
		if schema, err := readSchema(ctx, c); err == nil {
			return schema, nil
		}
	}
	return embeddedSchema()
}

// propertyReport is a property with the value that it has; none while there is no App.
type propertyReport struct {
	property.Property
	Value any `json:"value,omitempty"`
}

func listProperties(ctx context.Context, s *session.Session, output *session.OutputFormat) error {
	schema, spec, err := schemaAndSpec(ctx, s)
	if err != nil {
		return err
	}
	reports := []propertyReport{}
	for _, p := range schema.Properties() {
		reports = append(reports, propertyReport{p, property.Value(spec, p.Name)})
	}
	return output.Print(s.Out, reports, func(w io.Writer) {
		fmt.Fprintln(w, "PROPERTY\tTYPE\tVALUE\tDEFAULT\tDESCRIPTION")
		for _, p := range reports {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", p.Name, p.Form(), property.Show(p.Value), property.Show(p.Default), firstSentence(p.Description))
		}
	})
}

// schemaAndSpec reads what there is to set and what is set. Asking an instance that was never made does not make it.
func schemaAndSpec(ctx context.Context, s *session.Session) (*property.Schema, map[string]any, error) {
	exists, err := s.InstanceExists()
	if err != nil {
		return nil, nil, err
	}
	if !exists {
		schema, err := embeddedSchema()
		return schema, nil, err
	}
	c, err := s.Connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	schema, err := readSchema(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	raw, err := resource.RawApp(ctx, c)
	return schema, resource.RawSpec(raw), err
}

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

// completeSet completes the names of properties, and the values of those that have a choice.
func completeSet(s *session.Session) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		schema, err := knownSchema(cmd.Context(), s)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var words []string
		if name, _, valued := strings.Cut(prefix, "="); valued {
			for _, p := range schema.Properties() {
				for _, value := range p.Values {
					if p.Name == name {
						words = append(words, name+"="+value)
					}
				}
			}
			return session.WithPrefix(words, prefix), cobra.ShellCompDirectiveNoFileComp
		}
		for _, p := range schema.Properties() {
			given := slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, p.Name+"=") })
			if strings.HasPrefix(p.Name, prefix) && !given {
				words = append(words, cobra.CompletionWithDesc(p.Name+"=", firstSentence(p.Description)))
			}
		}
		return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}
