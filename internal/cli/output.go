// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// outputFormats that -o takes; the first is the default.
var outputFormats = []string{"table", "json", "yaml"}

// outputFlag is the value of -o.
type outputFlag string

// String implements pflag.Value.
func (o *outputFlag) String() string { return string(*o) }

// Type implements pflag.Value.
func (o *outputFlag) Type() string { return strings.Join(outputFormats, "|") }

// Set implements pflag.Value.
func (o *outputFlag) Set(s string) error {
	if !slices.Contains(outputFormats, s) {
		return fmt.Errorf("must be one of %s", strings.Join(outputFormats, ", "))
	}
	*o = outputFlag(s)
	return nil
}

// choiceFlag is the value of a flag that takes one of some words.
type choiceFlag struct {
	value string
	valid []string
}

// String implements pflag.Value.
func (c *choiceFlag) String() string { return c.value }

// Type implements pflag.Value.
func (c *choiceFlag) Type() string { return strings.Join(c.valid, "|") }

// Set implements pflag.Value.
func (c *choiceFlag) Set(s string) error {
	if !slices.Contains(c.valid, s) {
		return fmt.Errorf("must be one of %s", strings.Join(c.valid, ", "))
	}
	c.value = s
	return nil
}

// addOutput gives a command the flag -o.
func addOutput(cmd *cobra.Command) *outputFlag {
	o := outputFlag(outputFormats[0])
	cmd.Flags().VarP(&o, "output", "o", "output format")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(outputFormats, cobra.ShellCompDirectiveNoFileComp))
	return &o
}

// print writes value in the format asked for, table being what table writes.
func (o outputFlag) print(out io.Writer, value any, table func(io.Writer)) error {
	switch o {
	case "json":
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(value)
	case "yaml":
		data, err := yaml.Marshal(value)
		if err != nil {
			return fmt.Errorf("writing YAML: %w", err)
		}
		_, err = out.Write(data)
		return err
	default:
		aligned := tabwriter.NewWriter(out, 0, 8, 3, ' ', 0)
		table(aligned)
		return aligned.Flush()
	}
}
