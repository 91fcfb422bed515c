// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/client"
	"rancherdesktop.io/rdd/internal/instance"
)

// serviceReport is what `rdd service status` prints.
type serviceReport struct {
	Instance string `json:"instance"`
	Created  bool   `json:"created"`
	Running  bool   `json:"running"`
	PID      int    `json:"pid,omitempty"`
	Port     int    `json:"port,omitempty"`
	// Version of the running daemon, ClientVersion of this program.
	Version       string     `json:"version,omitempty"`
	ClientVersion string     `json:"clientVersion"`
	Started       *time.Time `json:"started,omitempty"`
	UptimeSeconds int64      `json:"uptimeSeconds,omitempty"`
	// LastBackup of the store.
	LastBackup *time.Time `json:"lastBackup,omitempty"`
	changing   bool
}

func serviceStatusCommand(s *session.Session, d serviceDaemon) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "status",
		Short:             "Show whether the daemon runs, its process, port, version and uptime",
		Example:           "  rdd service status\n  rdd service status -o json",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	output := session.AddOutput(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		inst, err := s.Instance()
		if err != nil {
			return err
		}
		report, err := serviceStatus(s, d, inst)
		if err != nil {
			return err
		}
		return output.Print(s.Out, report, report.table)
	}
	return cmd
}

func serviceStatus(s *session.Session, d serviceDaemon, inst instance.Instance) (serviceReport, error) {
	report := serviceReport{Instance: inst.Name, ClientVersion: s.Build.Version}
	var err error
	if report.Created, err = client.Exists(inst); err != nil {
		return report, err
	}
	state, record, err := client.Find(inst)
	if err != nil {
		return report, err
	}
	report.changing = state == client.Changing
	backups, err := d.Backups(inst)
	if err != nil {
		return report, err
	}
	if len(backups) > 0 {
		report.LastBackup = &backups[0].Taken
	}
	if state == client.Running {
		report.Running, report.PID, report.Port, report.Version = true, record.Process.PID, record.Port, record.Build.Version
		report.Started = &record.Started
		report.UptimeSeconds = int64(time.Since(record.Started).Seconds())
	}
	return report, nil
}

func (s serviceReport) table(w io.Writer) {
	fmt.Fprintf(w, "instance\t%s\n", s.Instance)
	switch {
	case s.Running:
		fmt.Fprintf(w, "daemon\trunning for %s, process %d\n", time.Duration(s.UptimeSeconds)*time.Second, s.PID)
		fmt.Fprintf(w, "address\thttps://127.0.0.1:%d\n", s.Port)
		fmt.Fprintf(w, "version\t%s (rdd: %s)\n", s.Version, s.ClientVersion)
	case s.changing:
		fmt.Fprintln(w, "daemon\tstarting or stopping")
	case s.Created:
		fmt.Fprintln(w, "daemon\tnot running (to start it: rdd service start)")
	default:
		fmt.Fprintln(w, "daemon\tnot created (to create and start it: rdd service start)")
	}
	if s.LastBackup != nil {
		fmt.Fprintf(w, "backup\tof %s (to go back to it: rdd service restore)\n", s.LastBackup.Local().Format(time.DateTime))
	}
}

func servicePathsCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "paths [KEY]",
		Short:   "Print the files and directories of the instance",
		Long:    "Paths prints where the instance keeps its files, whether they exist or not; with a KEY, that path alone.",
		Example: "  rdd service paths\n  rdd service paths config\n  eval \"$(rdd service paths -o shell)\"",
		Args:    cobra.MaximumNArgs(1),
		ValidArgsFunction: func(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return session.WithPrefix(sortedKeys(instance.Instance{}.Paths()), prefix), cobra.ShellCompDirectiveNoFileComp
		},
	}
	format := &session.Choice{Value: "table", Valid: []string{"table", "json", "shell"}}
	cmd.Flags().VarP(format, "output", "o", "output format")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(format.Valid, cobra.ShellCompDirectiveNoFileComp)) // fails when done twice
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		inst, err := s.Instance()
		if err != nil {
			return err
		}
		paths, err := selectPaths(inst.Paths(), args)
		if err != nil {
			return err
		}
		if format.Value == "shell" {
			printShell(s, paths)
			return nil
		}
		return session.OutputFormat(format.Value).Print(s.Out, paths, func(w io.Writer) { pathTable(w, paths, len(args) == 1) })
	}
	return cmd
}

func selectPaths(paths map[string]string, args []string) (map[string]string, error) {
	if len(args) == 0 {
		return paths, nil
	}
	value, ok := paths[args[0]]
	if !ok {
		return nil, fmt.Errorf("unknown key %q: valid are %s", args[0], strings.Join(sortedKeys(paths), ", "))
	}
	return map[string]string{args[0]: value}, nil
}

// printShell prints paths as assignments for a POSIX shell.
func printShell(s *session.Session, paths map[string]string) {
	for _, key := range sortedKeys(paths) {
		fmt.Fprintf(s.Out, "export RDD_%s=%s\n", strings.ToUpper(key), shellQuote(paths[key]))
	}
}

func pathTable(w io.Writer, paths map[string]string, single bool) {
	for _, key := range sortedKeys(paths) {
		if single {
			fmt.Fprintln(w, paths[key])
			continue
		}
		fmt.Fprintf(w, "%s\t%s\n", key, paths[key])
	}
}

// shellQuote makes value one word for a POSIX shell.
func shellQuote(value string) string { return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'" }

func serviceConfigCommand(s *session.Session) *cobra.Command {
	return &cobra.Command{
		Use:               "config",
		Short:             "Print the kubeconfig of the instance",
		Long:              "Config prints the kubeconfig, which holds the user's token. For its path: rdd service paths config",
		Example:           "  rdd service config > kubeconfig\n  KUBECONFIG=$(rdd service paths config) helm list",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			inst, err := s.Instance()
			if err != nil {
				return err
			}
			data, err := os.ReadFile(inst.ConfigFile())
			if errors.Is(err, fs.ErrNotExist) {
				return errors.New("there is no kubeconfig yet; start the daemon first: rdd service start")
			}
			if err != nil {
				return fmt.Errorf("reading the kubeconfig: %w", err)
			}
			_, err = s.Out.Write(data)
			return err
		},
	}
}

func serviceLogsCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "logs",
		Short: "Print the daemon's log",
		Long: fmt.Sprintf(`Logs prints the log of the instance's daemons, the one that was set aside when it had grown beyond %d MB first.
With -f it goes on, also after the daemon was stopped and started again, until it is interrupted.`, client.MaxLog>>20),
		Example:           "  rdd service logs\n  rdd service logs -f --lines 20",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	o := session.TailOptions{}
	cmd.Flags().BoolVarP(&o.Follow, "follow", "f", false, "keep printing what is added")
	cmd.Flags().IntVarP(&o.Lines, "lines", "n", -1, "last lines to print; -1: all")
	stdout := cmd.Flags().Bool("stdout", false, "print the daemon's standard output instead")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		inst, err := s.Instance()
		if err != nil {
			return err
		}
		path := client.LogFile(inst)
		if *stdout {
			path = client.StdoutFile(inst)
		}
		return serviceLogs(cmd.Context(), s, path, o)
	}
	return cmd
}

func serviceLogs(ctx context.Context, s *session.Session, path string, o session.TailOptions) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && !o.Follow {
		return errors.New("there is no log yet; the daemon was never started")
	}
	if o.Lines < 0 {
		err := session.Tail(ctx, s.Out, client.OldLog(path), session.TailOptions{Lines: -1})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return session.Tail(ctx, s.Out, path, o)
}
