// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/logfile"
	"rancherdesktop.io/rdd/internal/textfile"
)

func logsCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "logs",
		Aliases: []string{"log"},
		Short:   "Print the daemon's log",
		Long: fmt.Sprintf(`Logs prints the log of the instance's daemons, the one that was set aside when it had grown beyond %d MB first.
With -f it goes on, also after the daemon was stopped and started again, until it is interrupted.`, presence.MaxLog>>20),
		Example:           "  rdd service logs\n  rdd service logs -f --lines 20",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	o := textfile.TailOptions{}
	cmd.Flags().BoolVarP(&o.Follow, "follow", "f", false, "keep printing what is added")
	cmd.Flags().IntVarP(&o.Lines, "lines", "n", -1, "last lines to print; -1: all")
	stdout := cmd.Flags().Bool("stdout", false, "print the daemon's standard output instead")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		inst, err := s.Instance()
		if err != nil {
			return err
		}
		path := presence.LogFile(inst)
		if *stdout {
			path = presence.StdoutFile(inst)
		}
		return printLogs(cmd.Context(), s, path, o)
	}
	return cmd
}

func printLogs(ctx context.Context, s *session.Session, path string, o textfile.TailOptions) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && !o.Follow {
		return errors.New("there is no log yet; the daemon was never started")
	}
	o.Old = logfile.Old(path)
	return textfile.Tail(ctx, s.Out, path, o)
}
