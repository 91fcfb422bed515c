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
	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/hostconfig"
	"rancherdesktop.io/rdd/internal/levenshtein"
)

func offCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "off [NAME…]",
		Short: "Undo what was changed on this host, and keep it so",
		Long: `Off undoes the named things, or all, and has them left alone from then on, until rdd integration on. It needs no
running daemon. The VM is not touched: rdd run docker … goes on to work.

When rdd's directories were removed by hand, off goes by what is on the host, and removes what is left of it.`,
		Example: `  rdd integration off
  rdd integration off docker-current-context`,
		ValidArgsFunction: completeNames,
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return turn(s, args, hostconfig.Names(), func(host *hostconfig.Host, names []string) error {
			return host.TurnOff(cmd.Context(), names...)
		}, func(host *hostconfig.Host, names []string) (bool, error) {
			return host.Undo(cmd.Context(), names...)
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
		}, nil)
	}
	return cmd
}

// turner changes the named settings.
type turner func(host *hostconfig.Host, names []string) error

// turn calls existing with the named settings, or with those of byDefault, and prints their states.
// For an instance that does not exist it calls lost, which reports whether it has done something;
// nil: there is nothing to do then.
func turn(s *session.Session, names, byDefault []string, existing turner, lost func(*hostconfig.Host, []string) (bool, error)) error {
	if len(names) == 0 {
		names = byDefault
	}
	for _, name := range names {
		if !slices.Contains(hostconfig.Names(), name) {
			similar := levenshtein.Hint(name, hostconfig.Names())
			return fmt.Errorf("there is no %q%s; valid values: %s", name, similar, strings.Join(hostconfig.Names(), ", "))
		}
	}
	inst, err := s.Instance()
	if err != nil {
		return err
	}
	host, err := s.Host(inst)
	if err != nil {
		return err
	}
	exists, err := presence.Exists(inst)
	switch {
	case err != nil:
		return err
	case exists:
		err = existing(host, names)
	case lost != nil:
		exists, err = lost(host, names)
	}
	if err != nil {
		return err
	}
	if !exists {
		_, err := s.NotCreated(inst)
		return err
	}
	return printStates(s, host, names)
}

func printStates(s *session.Session, host *hostconfig.Host, names []string) error {
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
