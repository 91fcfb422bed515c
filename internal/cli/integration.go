// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime/pkg/client"

	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/daemon/settings"
	"rancherdesktop.io/rdd/internal/hostconfig"
	"rancherdesktop.io/rdd/internal/instance"
)

// integrationController is the word by which --controllers knows the one that changes the host.
const integrationController = "integration"

func integrationCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "integration",
		Short: "See and undo what rdd changes on this host for docker to find the VM",
		Long: `For docker, compose, testcontainers and SDKs to find the VM's Docker, rdd changes three things outside its own directories:

  docker-context           a docker context rancher-desktop-INSTANCE, for as long as there is an App
  docker-current-context   docker's current context, only when no engine answers where the present one leads
  docker-socket            a link /var/run/docker.sock to the VM's socket, only on request

All of it goes with the App, and what was there before comes back. What rdd did not make is left alone.`,
		Example: "  rdd integration list\n  rdd integration off",
	}
	cmd.AddCommand(integrationListCommand(s), integrationOffCommand(s), integrationOnCommand(s))
	return cmd
}

func integrationListCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List what is changed on this host, what was there before, and what is in the way",
		Example: `  rdd integration list
  rdd integration list -o json`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	output := session.AddOutput(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		inst, err := s.Instance()
		if err != nil {
			return err
		}
		things, err := s.HostChanges(inst)
		if err != nil {
			return err
		}
		return output.Print(s.Out, things, func(w io.Writer) { thingTable(w, things) })
	}
	return cmd
}

func thingTable(w io.Writer, things []hostconfig.Thing) {
	fmt.Fprintln(w, "NAME\tSTATE\tBEFORE\tWHERE")
	for _, t := range things {
		before := t.Before
		if before == "" {
			before = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", t.Name, t.State, before, t.Where)
	}
	for _, t := range things {
		if remark := t.Remark(); remark != "" {
			fmt.Fprintf(w, "%s: %s\n", t.Name, remark)
		}
	}
}

func integrationOffCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "off [NAME…]",
		Short: "Undo what was changed on this host, and keep it so",
		Long: `Off undoes the named things, or all, and has them left alone from then on, until rdd integration on. It needs no
running daemon. The VM is not touched: rdd run docker … goes on to work.`,
		Example: `  rdd integration off
  rdd integration off docker-current-context`,
		ValidArgsFunction: completeThing,
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return integrationSwitch(s, args, hostconfig.Names(), func(host *hostconfig.Host, names []string) error {
			return host.TurnOff(cmd.Context(), names...)
		})
	}
	return cmd
}

func integrationOnCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "on [NAME…]",
		Short: "Take back that it was turned off, or ask for docker-socket",
		Long: `On takes rdd integration off back for the named things, or for docker-context and docker-current-context. The link
docker-socket is made only when it is named; it is for programs that know no other place. Where you may not make it, the command to do so is told.`,
		Example: `  rdd integration on
  rdd integration on docker-socket`,
		ValidArgsFunction: completeThing,
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		byDefault := []string{hostconfig.Context, hostconfig.Current}
		return integrationSwitch(s, args, byDefault, func(host *hostconfig.Host, names []string) error {
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

// integrationSwitch turns the named things on or off and shows what they are then.
func integrationSwitch(s *session.Session, names, byDefault []string, do func(*hostconfig.Host, []string) error) error {
	if len(names) == 0 {
		names = byDefault
	}
	for _, name := range names {
		if !slices.Contains(hostconfig.Names(), name) {
			return fmt.Errorf("there is no %q; valid are %s", name, strings.Join(hostconfig.Names(), ", "))
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
	things, err := host.List()
	if err != nil {
		return err
	}
	for _, t := range things {
		if slices.Contains(names, t.Name) {
			fmt.Fprintf(s.Out, "%s is %s\n", t.Name, t.State)
		}
	}
	return nil
}

// tellElsewhere says how to make docker use the VM, when it was left with another engine that works.
func tellElsewhere(ctx context.Context, s *session.Session, c ctrl.Reader) error {
	inst, err := s.Instance()
	if err != nil {
		return err
	}
	if runs, err := integrates(s, inst); err != nil || !runs {
		return err
	}
	want, err := resource.WantedHost(ctx, c)
	if err != nil || want.Ready == "" {
		return err
	}
	host, err := s.Host(inst)
	if err != nil {
		return err
	}
	if _, err := host.Apply(ctx, want); err != nil { // the daemon may not have come to it yet
		return err
	}
	things, err := host.List()
	if err != nil {
		return err
	}
	for _, t := range things {
		if t.Elsewhere {
			fmt.Fprintf(s.Out, "%s. To make it use this VM: %s\n", upperFirst(t.Why), t.WayOut)
		}
	}
	return nil
}

func upperFirst(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// integrates reports whether the instance runs the controller that changes the host.
func integrates(s *session.Session, inst instance.Instance) (bool, error) {
	arguments, _, err := settings.Load(inst)
	if err != nil {
		return false, err
	}
	selected, err := settings.Select(arguments.Controllers, s.Controllers)
	return slices.Contains(selected, integrationController), err
}

func completeThing(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	left := slices.DeleteFunc(hostconfig.Names(), func(name string) bool { return slices.Contains(args, name) })
	return session.WithPrefix(left, prefix), cobra.ShellCompDirectiveNoFileComp
}
