// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/hostconfig"
)

func offCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "off [NAME…]",
		Short: "Undo what was changed on this host, and keep it so",
		Long: `Off undoes the named things, or all, and has them left alone from then on, until rdd integration on. It needs no
running daemon. The VM is not touched: rdd run docker … goes on to work.`,
		Example: `  rdd integration off
  rdd integration off docker-current-context`,
		ValidArgsFunction: completeNames,
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return turn(s, args, hostconfig.Names(), func(host *hostconfig.Host, names []string) error {
			return host.TurnOff(cmd.Context(), names...)
		})
	}
	return cmd
}

func onCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "on [NAME…]",
		Short: "Take back that it was turned off, or ask for docker-socket",
		Long: `On takes rdd integration off back for the named things, or for docker-context and docker-current-context. The link
docker-socket is made only when it is named; it is for programs that know no other place. Where you may not make
it, the command to do so is told.`,
		Example: `  rdd integration on
  rdd integration on docker-socket`,
		ValidArgsFunction: completeNames,
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		byDefault := []string{hostconfig.Context, hostconfig.Current}
		return turn(s, args, byDefault, func(host *hostconfig.Host, names []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), session.ServiceTimeout)
			defer cancel()
			c, err := s.Connect(ctx)
			if err != nil {
				return err
			}
			want, err := resource.WantedHost(ctx, c)
			if err != nil {
				return err
			}
			if !want.Docker {
				fmt.Fprintln(s.Err, "There is no VM with Docker; it comes with: rdd start")
			}
			return host.TurnOn(ctx, want, names...)
		})
	}
	return cmd
}

// turn calls do with the named settings, or with those of byDefault, and prints their states.
func turn(s *session.Session, names, byDefault []string, do func(*hostconfig.Host, []string) error) error {
	if len(names) == 0 {
		names = byDefault
	}
	for _, name := range names {
		if !slices.Contains(hostconfig.Names(), name) {
			return fmt.Errorf("there is no %q; valid values: %s", name, strings.Join(hostconfig.Names(), ", "))
		}
	}
	inst, err := s.Instance()
	if err != nil {
		return err
	}
	if missing, err := s.NotCreated(inst); err != nil || missing {
		return err
	}
	host, err := s.Host(inst)
	if err != nil {
		return err
	}
	if err := do(host, names); err != nil {
		return err
	}
	settings, err := host.List()
	if err != nil {
		return err
	}
	for _, t := range settings {
		if slices.Contains(names, t.Name) {
			fmt.Fprintf(s.Out, "%s is %s\n", t.Name, t.State)
		}
	}
	return nil
}

func completeNames(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	left := slices.DeleteFunc(hostconfig.Names(), func(name string) bool { return slices.Contains(args, name) })
	return session.WithPrefix(left, prefix), cobra.ShellCompDirectiveNoFileComp
}
