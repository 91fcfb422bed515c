// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/cli/shell"
	"rancherdesktop.io/rdd/internal/daemon/wiring"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// engineCommand drives the QEMU engine by hand, without daemon and API. Tests use it, and it shows
// what the engine alone does.
func engineCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "engine",
		Short:   "Drive the engine without the daemon",
		Long:    "Engine makes, runs and removes instances directly. Instances made so belong to no LimaVM.",
		Example: "  rdd engine apply dev template.yaml\n  rdd engine start dev\n  rdd engine observe dev",
		Hidden:  true,
	}
	d := &engineDriver{session: s}
	cmd.PersistentFlags().StringVar(&d.owner, "owner", "by-hand", "uid of the owner")
	cmd.PersistentFlags().DurationVar(&d.timeout, "timeout", 30*time.Minute, "how long to wait for the end of what was begun; 0: do not wait")
	cmd.AddCommand(
		d.command("apply NAME FILE [K=V…]", "Create an instance, or change its template", cobra.MinimumNArgs(2), d.apply),
		d.command("start NAME", "Start an instance", cobra.ExactArgs(1), d.start),
		d.command("stop NAME", "Shut an instance down", cobra.ExactArgs(1), d.stop),
		d.command("kill NAME", "End an instance at once", cobra.ExactArgs(1), d.kill),
		d.command("delete NAME", "Delete an instance", cobra.ExactArgs(1), d.delete),
		d.command("observe NAME", "Show an instance as JSON", cobra.ExactArgs(1), d.observe),
		d.command("list", "Show all instances as JSON", cobra.NoArgs, d.list),
		d.command("shell NAME [CMD…]", "Run a command in the guest", cobra.MinimumNArgs(1), d.shell),
	)
	return cmd
}

// engineDriver holds what the commands of `rdd engine` share.
type engineDriver struct {
	session *session.Session
	engine  *qemu.Engine
	owner   string
	timeout time.Duration
}

func (d *engineDriver) command(use, short string, args cobra.PositionalArgs, run func(context.Context, []string) error) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Args: args, Example: "  rdd engine " + use,
		RunE: func(cmd *cobra.Command, args []string) error {
			inst, err := d.session.Instance()
			if err != nil {
				return err
			}
			if err := inst.MakeDirs(); err != nil {
				return err
			}
			log := slog.New(slog.NewTextHandler(d.session.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))
			process, err := thisProcess(d.session.Build.Version, log)
			if err != nil {
				return err
			}
			d.engine = wiring.NewMachines(inst, process)
			return run(cmd.Context(), args)
		},
	}
	cmd.Flags().SetInterspersed(false)
	return cmd
}

func (d *engineDriver) vmOwner(name string) vm.Owner { return vm.Owner{UID: d.owner, Name: name} }

func (d *engineDriver) apply(ctx context.Context, args []string) error {
	data, err := session.Interruptibly(ctx, func() ([]byte, error) { return os.ReadFile(args[1]) })
	if err != nil {
		return fmt.Errorf("reading the template: %w", err)
	}
	params := map[string]string{}
	for _, arg := range args[2:] {
		key, value, found := strings.Cut(arg, "=")
		if !found {
			return fmt.Errorf("parameter %q: want KEY=VALUE", arg)
		}
		params[key] = value
	}
	spec := vm.Spec{
		Name: args[0], Owner: d.vmOwner(args[0]), Template: data, Params: params, Revision: template.Revision(data, params),
	}
	if err := d.engine.Apply(ctx, spec); err != nil {
		return err
	}
	return d.wait(ctx, args[0], func(s vm.State) bool { return s.Phase != vm.PhaseCreating && s.Phase != vm.PhaseIncomplete })
}

func (d *engineDriver) start(ctx context.Context, args []string) error {
	if err := d.engine.Start(ctx, d.vmOwner(args[0]), args[0]); err != nil {
		return err
	}
	return d.wait(ctx, args[0], func(s vm.State) bool { return s.Phase == vm.PhaseRunning })
}

func (d *engineDriver) stop(ctx context.Context, args []string) error {
	return d.end(ctx, args[0], vm.StopShutdown)
}

func (d *engineDriver) kill(ctx context.Context, args []string) error {
	return d.end(ctx, args[0], vm.StopForce)
}

func (d *engineDriver) end(ctx context.Context, name string, mode vm.StopMode) error {
	if err := d.engine.Stop(ctx, d.vmOwner(name), name, mode); err != nil {
		return err
	}
	return d.wait(ctx, name, func(s vm.State) bool { return s.Phase == vm.PhaseStopped })
}

func (d *engineDriver) delete(ctx context.Context, args []string) error {
	if err := d.engine.Delete(ctx, d.vmOwner(args[0]), args[0]); err != nil {
		return err
	}
	err := d.wait(ctx, args[0], func(vm.State) bool { return false })
	if errors.Is(err, vm.ErrNotFound) {
		return nil
	}
	return err
}

func (d *engineDriver) observe(ctx context.Context, args []string) error {
	state, err := d.engine.Observe(ctx, args[0])
	if err != nil {
		return err
	}
	return d.print(state)
}

func (d *engineDriver) list(ctx context.Context, _ []string) error {
	states, err := d.engine.List(ctx)
	if err != nil {
		return err
	}
	for _, state := range states {
		if err := d.print(state); err != nil {
			return err
		}
	}
	return nil
}

func (d *engineDriver) shell(ctx context.Context, args []string) error {
	return shell.Run(ctx, d.session, shell.Options{Name: args[0], Start: "rdd engine start " + args[0], Args: args[1:]})
}

func (d *engineDriver) print(state vm.State) error {
	// An error has no JSON form.
	shown := struct {
		vm.State
		Failure string
	}{State: state}
	if state.Failure != nil {
		shown.Failure = fmt.Sprintf("%s: %v", state.Failure.Operation, state.Failure.Fault)
	}
	data, err := json.Marshal(shown)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(d.session.Out, string(data))
	return err
}

// wait prints each phase and step on standard error until done holds or the operation has failed.
func (d *engineDriver) wait(ctx context.Context, name string, done func(vm.State) bool) error {
	if d.timeout == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	wake := make(chan struct{}, 1)
	wake <- struct{}{}
	err := d.engine.Watch(ctx, func(string) {
		select {
		case wake <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return err
	}
	begun, last := time.Now(), ""
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wake:
		}
		state, err := d.engine.Observe(ctx, name)
		if err != nil {
			return err
		}
		if now := fmt.Sprintf("%s %s", state.Phase, state.Progress.Step); now != last {
			last = now
			fmt.Fprintf(d.session.Err, "%6.1f s  %s\n", time.Since(begun).Seconds(), now)
		}
		if done(state) {
			return nil
		}
		if state.Failure != nil {
			return state.Failure.Fault
		}
	}
}
