// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/client"
	"rancherdesktop.io/rdd/internal/daemon/settings"
	"rancherdesktop.io/rdd/internal/datastore"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/process"
)

// serviceDaemon is what the commands need of the daemon's own code, which only package serve links.
type serviceDaemon interface {
	// Serve runs the daemon of the instance until ctx ends; in the background it reports to the process that started it.
	Serve(ctx context.Context, inst instance.Instance, background bool) error
	// Backups lists the backups of the instance's store, the newest first.
	Backups(inst instance.Instance) ([]datastore.Backup, error)
	// Restore puts a backup in the place of the store of an instance whose daemon does not run, and returns where
	// the old store is now.
	Restore(inst instance.Instance, backup datastore.Backup) (aside string, err error)
	// Discard removes the store of an instance whose daemon does not run, with its backups.
	Discard(inst instance.Instance) error
}

func serviceCommand(s *session.Session, d serviceDaemon) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "service",
		Aliases: []string{"svc"},
		Short:   "Manage the control plane of an instance",
		Long: `The control plane is one daemon per instance: the API server with its store, and the controllers. Every
other command starts it when it is not running; VMs run on while it is stopped.`,
		Example: "  rdd service start\n  rdd service status",
	}
	cmd.AddCommand(
		serviceCreateCommand(s), serviceStartCommand(s), serviceServeCommand(s, d), serviceStopCommand(s),
		serviceDeleteCommand(s), serviceResetCommand(s, d), serviceRestoreCommand(s, d),
		serviceStatusCommand(s, d), servicePathsCommand(s), serviceConfigCommand(s), serviceLogsCommand(s),
	)
	return cmd
}

// argumentFlags are the arguments of an instance as flags.
type argumentFlags struct {
	settings.Arguments
	// known are the controllers there are.
	known []string
}

func addArguments(s *session.Session, cmd *cobra.Command) *argumentFlags {
	f := &argumentFlags{Arguments: settings.Default(), known: s.Controllers}
	cmd.Flags().StringSliceVar(&f.Controllers, "controllers", f.Controllers, `controllers to run: names, "*" for all, "-name" to leave one out`)
	cmd.Flags().IntVar(&f.SecurePort, "secure-port", 0, "port of the API on 127.0.0.1 (default: 6443 + the instance's number); a busy one is replaced by a free one")
	_ = cmd.RegisterFlagCompletionFunc("controllers", session.CompleteList(append(slices.Clone(f.known), settings.AllControllers))) // fails when done twice
	_ = cmd.RegisterFlagCompletionFunc("secure-port", cobra.NoFileCompletions)
	return f
}

// create makes the instance; created is false when it is there already with the same arguments, or when none were asked for.
func (f *argumentFlags) create(cmd *cobra.Command, inst instance.Instance) (created bool, err error) {
	if f.SecurePort < 0 || f.SecurePort > 65535 {
		return false, fmt.Errorf("--secure-port must be between 1 and 65535; got %d", f.SecurePort)
	}
	if _, err := settings.Select(f.Controllers, f.known); err != nil {
		return false, fmt.Errorf("--controllers: %w", err)
	}
	present, exists, err := settings.Load(inst)
	if err != nil {
		return false, err
	}
	asked := cmd.Flags().Changed("controllers") || cmd.Flags().Changed("secure-port")
	if exists && asked && !present.Equal(f.Arguments) {
		return false, fmt.Errorf("instance %q exists with other arguments (%s); to change them: rdd service delete, then create it again", inst.Name, inst.ArgsFile())
	}
	if exists {
		return false, nil
	}
	if err := inst.MakeDirs(); err != nil {
		return false, err
	}
	return true, f.Save(inst)
}

func serviceCreateCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "create",
		Short:             "Make the instance and save its arguments, without starting anything",
		Example:           "  rdd service create\n  rdd --instance 3 service create --secure-port 7443",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := addArguments(s, cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		inst, err := s.Instance()
		if err != nil {
			return err
		}
		created, err := flags.create(cmd, inst)
		if err != nil {
			return err
		}
		if !created {
			fmt.Fprintf(s.Out, "Instance %q exists already.\n", inst.Name)
			return nil
		}
		fmt.Fprintf(s.Out, "Instance %q is created. To start it: rdd service start\n", inst.Name)
		return nil
	}
	return cmd
}

func serviceStartCommand(s *session.Session) *cobra.Command {
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
		return serviceStart(ctx, s, inst, wait)
	})
}

func serviceStart(ctx context.Context, s *session.Session, inst instance.Instance, wait bool) error {
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

func serviceServeCommand(s *session.Session, d serviceDaemon) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "serve",
		Short:             "Run the daemon in the foreground",
		Example:           "  rdd service serve",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	arguments := addArguments(s, cmd)
	background := cmd.Flags().Bool("background", false, "report to the process that started the daemon")
	_ = cmd.Flags().MarkHidden("background") // fails only for a flag that does not exist
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		inst, err := s.Instance()
		if err != nil {
			return err
		}
		if _, err := arguments.create(cmd, inst); err != nil {
			return err
		}
		return d.Serve(cmd.Context(), inst, *background)
	}
	return cmd
}

func serviceStopCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "stop",
		Short: "Stop the daemon; VMs keep running",
		Long: `Stop ends the daemon and waits until it is gone. VMs keep running and are found again by the next start; with
--vms they are shut down first, and the daemon goes on when one cannot be.

With --wait=false it is all done in the background; what goes wrong is told by: rdd service logs`,
		Example:           "  rdd service stop\n  rdd service stop --vms",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	vms := cmd.Flags().Bool("vms", false, "shut all VMs down first")
	return session.WithWait(cmd, session.ChangeTimeout, func(ctx context.Context, _ []string, wait bool) error {
		inst, err := s.Instance()
		if err != nil {
			return err
		}
		if *vms && !wait {
			return inBackground(s, inst, "The VMs and then the daemon are being stopped.", "stop", "--vms", "--timeout", cmd.Flag("timeout").Value.String())
		}
		if *vms {
			if err := stopVMs(ctx, s, inst); err != nil {
				return err
			}
		}
		return serviceStop(ctx, s, inst, *vms, wait)
	})
}

func serviceStop(ctx context.Context, s *session.Session, inst instance.Instance, vms, wait bool) error {
	stop := client.Stop
	if !wait {
		stop = func(ctx context.Context, inst instance.Instance) (bool, error) {
			_, asked, err := client.AskStop(ctx, inst)
			return asked, err
		}
	}
	stopped, err := stop(ctx, inst)
	switch {
	case err != nil:
		return err
	case !stopped:
		fmt.Fprintln(s.Out, "The daemon is not running.")
	case !wait:
		fmt.Fprintln(s.Out, "The daemon is to stop. VMs keep running. To see it: rdd service status")
	case vms:
		fmt.Fprintln(s.Out, "The VMs and the daemon are stopped.")
	default:
		fmt.Fprintln(s.Out, "The daemon is stopped. VMs keep running; to stop them too: rdd service stop --vms")
	}
	return nil
}

// inBackground does what `rdd service ARGUMENTS` does in a process of its own, which no terminal ends. Its words go to the daemon's log.
func inBackground(s *session.Session, inst instance.Instance, what string, arguments ...string) error {
	if missing, err := s.NotCreated(inst); err != nil || missing {
		return err
	}
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	log, err := client.OpenLog(client.LogFile(inst))
	if err != nil {
		return err
	}
	_, _, err = process.StartDetached(process.Command{
		Path:   executable,
		Args:   append([]string{"--instance", inst.Name, "service"}, arguments...),
		Dir:    filepath.Dir(inst.Dir),
		Stdout: log, Stderr: log,
	})
	if err := errors.Join(err, log.Close()); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "%s To see how far it is: rdd service status, rdd service logs\n", what)
	return nil
}

// sortedKeys of a map.
func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
