// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/client"
	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/process"
)

func startCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "start",
		Short: "Start the daemon in the background, creating the instance if need be",
		Long: `Start starts the daemon and waits until it is ready. --controllers, --secure-port and --log-level count for
this run only: the next start has those of rdd service create again.`,
		Example:           "  rdd service start\n  rdd --log-level trace service start --controllers app,lima",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := addArguments(s, cmd, " in this run")
	return session.WithWait(cmd, session.ServiceTimeout, func(ctx context.Context, _ []string, wait bool) error {
		inst, err := s.Instance()
		if err != nil {
			return err
		}
		if err := flags.check(); err != nil {
			return err
		}
		if err := flags.checkPort(inst); err != nil {
			return err
		}
		if err := flags.ensure(inst); err != nil {
			return err
		}
		return startDaemon(ctx, s, inst, flags, wait)
	})
}

func startDaemon(ctx context.Context, s *session.Session, inst instance.Instance, flags *argumentFlags, wait bool) error {
	options := s.ClientOptions()
	options.Arguments = append(options.Arguments, flags.given()...)
	if wait {
		return ensureDaemon(ctx, s, inst, flags, options)
	}
	state, record, err := client.Find(inst)
	if err != nil {
		return err
	}
	if state == client.Running {
		if err := flags.agree(record); err != nil {
			return err
		}
	}
	if err := client.Launch(ctx, inst, options); err != nil {
		return err
	}
	fmt.Fprintln(s.Out, "The daemon is starting. To see it: rdd service status")
	return nil
}

// ensureDaemon starts the daemon, unless it runs, and waits until it is ready.
func ensureDaemon(ctx context.Context, s *session.Session, inst instance.Instance, flags *argumentFlags, options client.Options) error {
	state, before, err := client.Find(inst)
	if err != nil {
		return err
	}
	record, err := client.Ensure(ctx, inst, options)
	if err != nil {
		return err
	}
	if err := flags.agree(record); err != nil {
		return err
	}
	what, remark := "is ready", ""
	if state == client.Running && before.Process == record.Process {
		what = "is already running"
		if s.LoggingGiven() {
			remark = "\nIt logs as before. To change that: rdd service stop, then rdd service start again"
		}
	}
	printState(s, inst, "has started")
	fmt.Fprintf(s.Out, "The daemon %s: process %d, https://127.0.0.1:%d%s\n", what, record.Process.PID, record.Port, remark)
	for _, line := range remarks(inst, record) {
		fmt.Fprintln(s.Err, line)
	}
	return nil
}

// remarks says what is unusual about a running daemon.
func remarks(inst instance.Instance, record presence.Record) (lines []string) {
	if movedFrom := record.MovedFrom(inst); movedFrom != 0 {
		lines = append(lines, fmt.Sprintf(
			"Port %d, the instance's default one, is in use by %s: the API listens on port %d until the daemon is started again.",
			movedFrom, process.PortHolder(movedFrom), record.Port,
		))
	}
	if record.Controllers != nil && len(record.Controllers) == 0 {
		lines = append(lines, fmt.Sprintf("No controller runs: nobody acts on what is asked of the API. They are chosen in %s.", inst.ArgsFile()))
	}
	return lines
}
