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
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/cli/why/explain"
	"rancherdesktop.io/rdd/internal/client"
)

// listFormat is the value of `list -o`: a session.OutputFormat, or wide.
type listFormat struct {
	session.OutputFormat
	wide bool
	// lines: --json was given.
	lines bool
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
		Use:     "list [NAME…]",
		Aliases: []string{"ls"},
		Short:   "List the virtual machines of all namespaces and what they are doing",
		Long: `List shows every virtual machine with what it is doing, for how long, and what it waits for. Instance directories
that no LimaVM claims follow on standard error, with the commands to take them back or remove them. -o json and -o yaml print the
LimaVMs as the API has them.

--format is as limactl has it: json is one line of JSON for each machine, yaml a document for each, and a Go template is
expanded for each. The fields are Name, Namespace, Status, Dir, VMType, Arch, CPUs, Memory, Disk, SSHAddress, SSHLocalPort,
Protected, Message, Errors, LimaHome and LimaVM, the object in the API; the functions json and yaml print a value.`,
		Example: `  rdd limavm list
  rdd limavm list dev -o wide
  rdd limavm list -o json
  rdd limavm list -q
  rdd limavm list --format '{{.Name}}: {{.Status}}, {{.CPUs}} processors'
  rdd limavm list dev --format '{{.SSHLocalPort}}'`,
		ValidArgsFunction: resource.CompleteVMs(s),
	}
	format := &listFormat{OutputFormat: session.DefaultOutput}
	cmd.Flags().VarP(format, "output", "o", "output format")
	_ = cmd.RegisterFlagCompletionFunc(
		"output", cobra.FixedCompletions(listFormats, cobra.ShellCompDirectiveNoFileComp),
	) // fails for an unknown flag
	quiet := cmd.Flags().BoolP("quiet", "q", false, "names only")
	view := cmd.Flags().StringP("format", "f", "", "table, json, yaml or a Go `TEMPLATE`, as limactl has it")
	cmd.Flags().BoolVar(&format.lines, "json", false, "the same as --format json")
	_ = cmd.RegisterFlagCompletionFunc(
		"format", cobra.FixedCompletions(session.OutputFormats(), cobra.ShellCompDirectiveNoFileComp),
	) // fails for an unknown flag
	cmd.MarkFlagsMutuallyExclusive("output", "format", "json")
	cmd.MarkFlagsMutuallyExclusive("quiet", "format", "json")
	cmd.RunE = func(cmd *cobra.Command, names []string) error {
		if format.lines {
			*view = "json"
		}
		if *view != "" && *view != string(session.DefaultOutput) {
			return listViews(cmd.Context(), s, names, *view)
		}
		return list(cmd.Context(), s, names, format, *quiet)
	}
	return cmd
}

// selectVMs reads the LimaVMs of these names, each once, or all. A name that does not exist is an
// error.
func selectVMs(ctx context.Context, c ctrlclient.Reader, names []string) (*limav1.LimaVMList, error) {
	all := &limav1.LimaVMList{}
	if err := c.List(ctx, all); err != nil {
		return nil, fmt.Errorf("listing LimaVMs: %w", err)
	}
	if len(names) == 0 {
		return all, nil
	}
	some := all.DeepCopy()
	some.Items = nil
	for _, name := range session.Distinct(names) {
		i := slices.IndexFunc(all.Items, func(machine limav1.LimaVM) bool { return machine.Name == name })
		if i < 0 {
			_, err := resource.FindVM(ctx, c, name)
			return nil, err
		}
		some.Items = append(some.Items, all.Items[i])
	}
	return some, nil
}

// listViews prints the LimaVMs in a format of --format.
func listViews(ctx context.Context, s *session.Session, names []string, format string) error {
	show, err := viewPrinter(s.Out, format)
	if err != nil {
		return err
	}
	c, err := connectToList(ctx, s, names)
	if c == nil {
		return err
	}
	list, err := selectVMs(ctx, c, names)
	if err != nil {
		return err
	}
	for i := range list.Items {
		view, err := viewOf(ctx, s, c, &list.Items[i])
		if err != nil {
			return err
		}
		if err := show(view); err != nil {
			return err
		}
	}
	return nil
}

func list(ctx context.Context, s *session.Session, names []string, format *listFormat, quiet bool) error {
	c, err := connectToList(ctx, s, names)
	if err != nil {
		return err
	}
	if c == nil {
		return printNone(s, format, quiet)
	}
	list, err := selectVMs(ctx, c, names)
	if err != nil {
		return err
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
	list.SetGroupVersionKind(listKind)
	err = format.Print(s.Out, list, func(w io.Writer) { listTable(w, reportVMs(s, list.Items, events), time.Now(), format.wide) })
	if err != nil || !format.IsTable() || len(names) > 0 {
		return err
	}
	return listUnclaimed(ctx, s, list.Items)
}

// listKind is what the API calls the list, for -o json and yaml.
var listKind = limav1.GroupVersion.WithKind("LimaVMList")

// connectToList is Session.Connect for a command that reads the LimaVMs of these names, or all. It
// returns nil when all are asked for and there is no instance.
func connectToList(ctx context.Context, s *session.Session, names []string) (*client.Client, error) {
	if len(names) > 0 {
		return connect(ctx, s, names[0])
	}
	if exists, err := s.InstanceExists(); err != nil || !exists {
		return nil, err
	}
	return s.Connect(ctx)
}

// printNone prints an empty list, as there is no instance.
func printNone(s *session.Session, format *listFormat, quiet bool) error {
	if quiet {
		return nil
	}
	none := &limav1.LimaVMList{Items: []limav1.LimaVM{}}
	none.SetGroupVersionKind(listKind)
	return format.Print(s.Out, none, func(w io.Writer) { listTable(w, nil, time.Now(), format.wide) })
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
		if p.Reverse {
			text = p.Host + "<-" + p.Guest
		}
		if p.Error != "" {
			text += "!"
		}
		all = append(all, text)
	}
	return strings.Join(all, ",")
}
