// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/client"
	"rancherdesktop.io/rdd/internal/instance"
)

func startCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "start",
		Short:             "Start the daemon in the background, creating the instance if need be",
		Example:           "  rdd service start\n  rdd service start --timeout 30s",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	arguments := addArguments(s, cmd)
	return session.WithWait(cmd, session.ServiceTimeout, func(ctx context.Context, _ []string, wait bool) error {
		inst, err := s.Instance()
		if err != nil {
			return err
		}
		if _, err := arguments.create(cmd, inst); err != nil {
			return err
		}
		return startDaemon(ctx, s, inst, wait)
	})
}

func startDaemon(ctx context.Context, s *session.Session, inst instance.Instance, wait bool) error {
	if !wait {
		if err := client.Launch(ctx, inst); err != nil {
			return err
		}
		fmt.Fprintln(s.Out, "The daemon is starting. To see it: rdd service status")
		return nil
	}
	state, before, err := client.Find(inst)
	if err != nil {
		return err
	}
	record, err := client.Ensure(ctx, inst, client.Options{Build: s.Build})
	if err != nil {
		return err
	}
	what := "is ready"
	if state == client.Running && before.Process == record.Process {
		what = "is already running"
	}
	fmt.Fprintf(s.Out, "The daemon %s: process %d, https://127.0.0.1:%d\n", what, record.Process.PID, record.Port)
	return nil
}
