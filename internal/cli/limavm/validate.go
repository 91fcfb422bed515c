// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/template"
)

func templateCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "template",
		Aliases: []string{"tmpl"},
		Short:   "Work with Lima templates",
		Example: "  rdd limavm template validate ./dev.yaml",
	}
	cmd.AddCommand(validateCommand(s))
	return cmd
}

func validateCommand(s *session.Session) *cobra.Command {
	var params []string
	cmd := &cobra.Command{
		Use:   "validate TEMPLATE…",
		Short: "Say whether templates can be honoured on this host",
		Long: `Validate reads templates as create does, each a file, a URL, template:NAME or - for standard input, and says of each
whether rdd can honour it on this host, or else which field is at fault and where. It needs no daemon and changes nothing.`,
		Example: `  rdd limavm template validate ./dev.yaml
  rdd limavm template validate *.yaml -o json
  rdd limavm template validate ./dev.yaml --param size=3`,
		Args: cobra.MinimumNArgs(1),
	}
	cmd.Flags().StringArrayVar(&params, "param", nil, "`K=V`: a value for the templates' param K; may be repeated")
	output := session.AddOutput(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		values, err := createParams(params)
		if err != nil {
			return err
		}
		return validateTemplates(cmd.Context(), s, args, values, output)
	}
	return cmd
}

// templateReport is what was found about a template. The JSON keys are an interface for scripts.
type templateReport struct {
	Template string `json:"template"`
	Valid    bool   `json:"valid"`
	// Field at fault, with its path in the template; empty where the fault is not in one field.
	Field string `json:"field,omitempty"`
	// Message says what is wrong, with the line.
	Message string `json:"message,omitempty"`
}

// validateTemplates prints a report of each template. Those that cannot be read are an error; else
// the error has ExitRefused when one cannot be honoured.
func validateTemplates(
	ctx context.Context, s *session.Session, names []string, params map[string]string, output *session.OutputFormat,
) error {
	found, bad := []templateReport{}, 0
	var unread []error
	for _, name := range names {
		fault, err := validateOne(ctx, s, name, params)
		v := templateReport{Template: argumentText(name), Valid: fault == nil && err == nil}
		switch {
		case err != nil:
			unread = append(unread, err)
			v.Message = err.Error()
		case fault != nil:
			bad++
			v.Field, v.Message = vm.FaultOf(fault).Field, fault.Error()
		}
		found = append(found, v)
	}
	err := output.Print(s.Out, found, func(w io.Writer) { validateTable(w, found) })
	if len(unread) > 0 {
		return errors.Join(append(unread, err)...)
	}
	if err == nil && bad > 0 {
		err = &session.CodeError{Code: session.ExitRefused, Err: fmt.Errorf("%d of %d templates cannot be honoured", bad, len(names))}
	}
	return err
}

func validateTable(w io.Writer, found []templateReport) {
	for _, v := range found {
		if v.Valid {
			v.Message = "OK"
		}
		fmt.Fprintf(w, "%s: %s\n", v.Template, v.Message)
	}
}

// validateOne returns what is wrong with a template; err is that it cannot be read.
func validateOne(ctx context.Context, s *session.Session, name string, params map[string]string) (fault, err error) {
	if info, statErr := os.Stat(name); statErr == nil && info.Mode().IsRegular() {
		name = asFile(name)
	}
	data, err := readTemplate(ctx, s, name, params)
	var refused *session.CodeError
	switch {
	case errors.As(err, &refused):
		return refused.Err, nil // a template that it is based on is at fault
	case err != nil:
		return nil, err
	case data == nil:
		return nil, fmt.Errorf("reading the template %s: %w", name, fs.ErrNotExist)
	}
	host, err := template.LocalHost()
	if err != nil {
		return nil, err
	}
	_, fault = template.Load(data, params, host)
	return fault, nil
}
