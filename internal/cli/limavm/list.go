// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/duration"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/cli/why/explain"
)

// listFormat is the value of `list -o`: a session.OutputFormat, or wide.
type listFormat struct {
	session.OutputFormat
	wide bool
}

var listFormats = append(session.OutputFormats(), "wide")

// Type implements pflag.Value.
func (f *listFormat) Type() string { return strings.Join(listFormats, "|") }

// Set implements pflag.Value.
func (f *listFormat) Set(s string) error {
	if f.wide = s == "wide"; f.wide {
		s = string(session.DefaultOutput)
	}
	if !slices.Contains(session.OutputFormats(), s) {
		return session.ValidValues(listFormats)
	}
	return f.OutputFormat.Set(s)
}

func listCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the virtual machines of all namespaces and what they are doing",
		Long: `List shows every virtual machine with what it is doing, for how long, and what it waits for. Instance directories
that no LimaVM claims follow on standard error, with the commands to take them back or remove them. -o json and -o yaml print the
LimaVMs as the API has them.`,
		Example:           "  rdd limavm list\n  rdd limavm list -o wide\n  rdd limavm list -o json\n  rdd limavm list -q",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	format := &listFormat{OutputFormat: session.DefaultOutput}
	cmd.Flags().VarP(format, "output", "o", "output format")
	_ = cmd.RegisterFlagCompletionFunc(
		"output", cobra.FixedCompletions(listFormats, cobra.ShellCompDirectiveNoFileComp),
	) // fails for an unknown flag
	quiet := cmd.Flags().BoolP("quiet", "q", false, "names only")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return list(cmd.Context(), s, format, *quiet)
	}
	return cmd
}

func list(ctx context.Context, s *session.Session, format *listFormat, quiet bool) error {
	list := &limav1.LimaVMList{}
	list.SetGroupVersionKind(limav1.GroupVersion.WithKind("LimaVMList"))
	if exists, err := s.InstanceExists(); err != nil || !exists {
		return errors.Join(err, printNone(s, format, quiet, list))
	}
	c, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	if err := c.List(ctx, list); err != nil {
		return fmt.Errorf("listing LimaVMs: %w", err)
	}
	if quiet {
		for _, machine := range list.Items {
			fmt.Fprintln(s.Out, machine.Name)
		}
		return nil
	}
	events, err := resource.EventsByObject(ctx, c)
	if err != nil {
		return err
	}
	list.SetGroupVersionKind(limav1.GroupVersion.WithKind("LimaVMList"))
	err = format.Print(s.Out, list, func(w io.Writer) { listTable(w, reportVMs(s, list.Items, events), time.Now(), format.wide) })
	if err != nil || !format.IsTable() {
		return err
	}
	return listUnclaimed(ctx, s, list.Items)
}

// printNone prints an empty list, as there is no instance.
func printNone(s *session.Session, format *listFormat, quiet bool, list *limav1.LimaVMList) error {
	if quiet {
		return nil
	}
	list.Items = []limav1.LimaVM{}
	return format.Print(s.Out, list, func(w io.Writer) { listTable(w, nil, time.Now(), format.wide) })
}

// listUnclaimed prints the instance directories that no LimaVM claims, on standard error.
func listUnclaimed(ctx context.Context, s *session.Session, machines []limav1.LimaVM) error {
	found, err := resource.ListUnclaimed(ctx, s, machines)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	for _, u := range found {
		fmt.Fprintln(s.Err, u.Text())
	}
	return err
}

// listed is a line of the table.
type listed struct {
	resource.VMReport
	created time.Time
}

func reportVMs(s *session.Session, machines []limav1.LimaVM, events map[types.UID][]explain.Event) []listed {
	var reports []listed
	for _, m := range machines {
		reports = append(reports, listed{resource.ReportVM(s, m, events[m.UID], time.Now()), m.CreationTimestamp.Time})
	}
	return reports
}

func listTable(w io.Writer, machines []listed, now time.Time, wide bool) {
	header := "NAMESPACE\tNAME\tWANTED\tSSH\tSTARTS\tAGE"
	if wide {
		header += "\tACCEL\tPORTS"
	}
	fmt.Fprintln(w, header+"\tDOING")
	for _, m := range machines {
		row := fmt.Sprintf(
			"%s\t%s\t%s\t%s\t%d\t%s", m.Namespace, m.Name, m.Wanted, orDash(m.SSHPort), m.Restarts, duration.HumanDuration(now.Sub(m.created)),
		)
		if wide {
			row += fmt.Sprintf("\t%s\t%s", orDash(m.Accelerator), orDash(portsText(m.PortForwards)))
		}
		fmt.Fprintln(w, row+"\t"+m.Text(now))
	}
}

// orDash is a value as text; a dash for the zero value.
func orDash[T comparable](value T) string {
	var none T
	if value == none {
		return "-"
	}
	return fmt.Sprint(value)
}

// portsText lists the forwarded ports. An exclamation mark follows one that cannot be reached.
func portsText(forwards []limav1.PortForward) string {
	var all []string
	for _, p := range forwards {
		if p.Host == "" {
			continue // nothing leads to it
		}
		text := p.Host + "->" + p.Guest
		if p.Error != "" {
			text += "!"
		}
		all = append(all, text)
	}
	return strings.Join(all, ",")
}
