// SPDX-License-Identifier: Apache-2.0

package session

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

// DefaultOutput is the format without -o: a table for people.
const DefaultOutput OutputFormat = "table"

// OutputFormats lists the formats that -o accepts.
func OutputFormats() []string { return []string{string(DefaultOutput), "json", "yaml"} }

// OutputFormat is the value of -o.
type OutputFormat string

// String implements pflag.Value.
func (o *OutputFormat) String() string { return string(*o) }

// Type implements pflag.Value.
func (o *OutputFormat) Type() string { return strings.Join(OutputFormats(), "|") }

// Set implements pflag.Value.
func (o *OutputFormat) Set(s string) error {
	if !slices.Contains(OutputFormats(), s) {
		return ValidValues(OutputFormats())
	}
	*o = OutputFormat(s)
	return nil
}

// AddOutput gives a command the flag -o.
func AddOutput(cmd *cobra.Command) *OutputFormat {
	o := DefaultOutput
	cmd.Flags().VarP(&o, "output", "o", "output format")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(OutputFormats(), cobra.ShellCompDirectiveNoFileComp))
	return &o
}

// IsTable reports whether the output is for people.
func (o OutputFormat) IsTable() bool { return o == DefaultOutput }

// Print writes value in the format. For people it calls table, which writes columns that are
// separated by tabs; Print aligns them.
func (o OutputFormat) Print(out io.Writer, value any, table func(io.Writer)) error {
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
