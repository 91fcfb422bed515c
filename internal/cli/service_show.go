// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/client"
	"rancherdesktop.io/rdd/internal/instance"
)

// logPoll is how often a followed log is looked at.
const logPoll = 200 * time.Millisecond

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
	changing      bool
}

func (r *root) serviceStatusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:               "status",
		Short:             "Show whether the daemon runs, its process, port, version and uptime",
		Example:           "  rdd service status\n  rdd service status -o json",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	output := addOutput(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		inst, err := r.instance()
		if err != nil {
			return err
		}
		report, err := r.serviceStatus(inst)
		if err != nil {
			return err
		}
		return output.print(r.out, report, report.table)
	}
	return cmd
}

func (r *root) serviceStatus(inst instance.Instance) (serviceReport, error) {
	report := serviceReport{Instance: inst.Name, ClientVersion: r.build.Version}
	var err error
	if report.Created, err = client.Exists(inst); err != nil {
		return report, err
	}
	state, record, err := client.Find(inst)
	if err != nil {
		return report, err
	}
	report.changing = state == client.Changing
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
}

func (r *root) servicePathsCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:     "paths [KEY]",
		Short:   "Print the files and directories of the instance",
		Example: "  rdd service paths\n  rdd service paths config\n  eval \"$(rdd service paths -o shell)\"",
		Args:    cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return sortedKeys(instance.Instance{}.Paths()), cobra.ShellCompDirectiveNoFileComp
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", "table", "output format: table, json or shell")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		inst, err := r.instance()
		if err != nil {
			return err
		}
		paths, err := selectPaths(inst.Paths(), args)
		if err != nil {
			return err
		}
		return r.printPaths(paths, format, len(args) == 1)
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

func (r *root) printPaths(paths map[string]string, format string, single bool) error {
	switch format {
	case "json":
		return outputFlag("json").print(r.out, paths, nil)
	case "shell":
		for _, key := range sortedKeys(paths) {
			fmt.Fprintf(r.out, "export RDD_%s=%s\n", strings.ToUpper(key), shellQuote(paths[key]))
		}
		return nil
	case "table":
		return outputFlag("table").print(r.out, paths, func(w io.Writer) {
			for _, key := range sortedKeys(paths) {
				if single {
					fmt.Fprintln(w, paths[key])
					continue
				}
				fmt.Fprintf(w, "%s\t%s\n", key, paths[key])
			}
		})
	}
	return fmt.Errorf("--output must be table, json or shell; got %q", format)
}

// shellQuote makes value one word for a POSIX shell.
func shellQuote(value string) string { return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'" }

func (r *root) serviceConfigCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "config",
		Short:             "Print the kubeconfig of the instance",
		Long:              "Config prints the kubeconfig, which holds the user's token. For its path: rdd service paths config",
		Example:           "  rdd service config > kubeconfig\n  KUBECONFIG=$(rdd service paths config) helm list",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			inst, err := r.instance()
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
			_, err = r.out.Write(data)
			return err
		},
	}
}

func (r *root) serviceLogsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:               "logs",
		Short:             "Print the daemon's log",
		Example:           "  rdd service logs\n  rdd service logs -f",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	follow := cmd.Flags().BoolP("follow", "f", false, "keep printing what is added")
	stdout := cmd.Flags().Bool("stdout", false, "print the daemon's standard output instead")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		inst, err := r.instance()
		if err != nil {
			return err
		}
		path := client.LogFile(inst)
		if *stdout {
			path = client.StdoutFile(inst)
		}
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return errors.New("there is no log yet; the daemon was never started")
		}
		if err != nil {
			return fmt.Errorf("reading the log: %w", err)
		}
		defer func() { _ = f.Close() }()
		return r.copyLog(cmd, f, *follow)
	}
	return cmd
}

// copyLog prints a log and, when asked to follow it, what is added until the user interrupts.
func (r *root) copyLog(cmd *cobra.Command, f *os.File, follow bool) error {
	ticker := time.NewTicker(logPoll)
	defer ticker.Stop()
	for {
		if _, err := io.Copy(r.out, f); err != nil {
			return fmt.Errorf("printing the log: %w", err)
		}
		if !follow {
			return nil
		}
		select {
		case <-cmd.Context().Done():
			return nil
		case <-ticker.C:
		}
	}
}
