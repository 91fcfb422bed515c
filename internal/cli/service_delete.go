// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/client"
	"rancherdesktop.io/rdd/internal/instance"
)

const (
	goesOnHint = "Nothing else was changed; the deletion of the VMs goes on. To follow it: rdd status, or the same command again."
	// finishTimeout bounds the end of the daemon once all VMs are gone.
	finishTimeout = 30 * time.Second
)

func serviceDeleteCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "delete",
		Short: "Delete all VMs, stop the daemon and remove the instance",
		Long: `Delete first deletes the App and all LimaVMs through the API, starting the daemon if need be, and waits until
they are gone. Only then it stops the daemon and removes the instance's directories. When a VM cannot be deleted in
time, nothing else is removed. Directories of VMs that no LimaVM claims stay and are listed.

With --wait=false it is all done in the background; what goes wrong is told by: rdd service logs`,
		Example:           "  rdd service delete\n  rdd --instance 3 service delete --timeout 10m",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	return session.WithWait(cmd, session.ChangeTimeout, func(ctx context.Context, _ []string, wait bool) error {
		inst, err := s.Instance()
		if err != nil {
			return err
		}
		if missing, err := s.NotCreated(inst); err != nil || missing {
			return err
		}
		if !wait {
			return inBackground(s, inst, fmt.Sprintf("Instance %q is being deleted.", inst.Name), "delete", "--timeout", cmd.Flag("timeout").Value.String())
		}
		if err := deleteAll(ctx, s); err != nil {
			return err
		}
		return removeInstance(ctx, s, inst)
	})
}

func serviceResetCommand(s *session.Session, d serviceDaemon) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reset",
		Short: "Delete all VMs and begin with an empty store",
		Long: `Reset first deletes the App and all LimaVMs through the API, starting the daemon if need be, and waits until
they are gone. Only then it replaces the store, with all other resources and its backups, by an empty one. The instance
keeps its arguments, and its daemon runs again if it ran before. When a VM cannot be deleted in time, nothing else is
changed. Directories of VMs that no LimaVM claims stay and are listed.

With --wait=false it is all done in the background; what goes wrong is told by: rdd service logs`,
		Example:           "  rdd service reset\n  rdd service reset -y --timeout 10m",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	yes := session.AddYes(cmd)
	return session.WithWait(cmd, session.ChangeTimeout, func(ctx context.Context, _ []string, wait bool) error {
		inst, err := s.Instance()
		if err != nil {
			return err
		}
		if missing, err := s.NotCreated(inst); err != nil || missing {
			return err
		}
		if err := s.Confirm(fmt.Sprintf("This deletes all VMs, their disks and all resources of instance %q", inst.Name), *yes); err != nil {
			return err
		}
		if !wait {
			return inBackground(s, inst, fmt.Sprintf("Instance %q is being reset.", inst.Name), "reset", "--yes", "--timeout", cmd.Flag("timeout").Value.String())
		}
		return resetInstance(ctx, s, d, inst)
	})
}

func resetInstance(ctx context.Context, s *session.Session, d serviceDaemon, inst instance.Instance) error {
	before, _, err := client.Find(inst)
	if err != nil {
		return err
	}
	if err := deleteAll(ctx, s); err != nil {
		return err
	}
	ctx, cancel := finishing(ctx)
	defer cancel()
	if _, err := client.Stop(ctx, inst); err != nil {
		return err
	}
	if err := s.UndoHostChanges(ctx, inst); err != nil {
		return err
	}
	if err := d.Discard(inst); err != nil {
		return fmt.Errorf("resetting the instance: %w", err)
	}
	if before != client.Stopped {
		if _, err := client.Ensure(ctx, inst, client.Options{Build: s.Build}); err != nil {
			return err
		}
	}
	fmt.Fprintf(s.Out, "Instance %q is reset.\n", inst.Name)
	return showUnclaimed(s, inst)
}

// finishing bounds what comes after all VMs are gone. It takes no time to speak of, and Ctrl-C does not end it half-way.
func finishing(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), finishTimeout)
}

// deleteAll deletes the App and every LimaVM and returns when they are gone.
func deleteAll(ctx context.Context, s *session.Session) error {
	c, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	app, err := resource.App(ctx, c)
	if err != nil {
		return err
	}
	if app != nil {
		if err := ctrl.IgnoreNotFound(c.Delete(ctx, app, ctrl.Preconditions{UID: &app.UID})); err != nil {
			return fmt.Errorf("deleting the App: %w", err)
		}
		if err := resource.WaitAppGone(ctx, s, c, app, goesOnHint); err != nil {
			return err
		}
	}
	var machines limav1.LimaVMList
	if err := c.List(ctx, &machines); err != nil {
		return fmt.Errorf("listing the LimaVMs: %w", err)
	}
	for i := range machines.Items {
		if err := resource.DeleteVM(ctx, s, c, &machines.Items[i], true); err != nil {
			return err
		}
	}
	return nil
}

// removeInstance stops the daemon and removes the instance's directories, but no VM that nobody claims.
func removeInstance(ctx context.Context, s *session.Session, inst instance.Instance) error {
	ctx, cancel := finishing(ctx)
	defer cancel()
	if _, err := client.Stop(ctx, inst); err != nil {
		return err
	}
	if err := s.UndoHostChanges(ctx, inst); err != nil {
		return err
	}
	left, err := resource.ListUnclaimed(inst.LimaHome(), nil)
	if err != nil {
		return err
	}
	if err := removeDirs(inst, len(left) > 0); err != nil {
		return fmt.Errorf("removing the instance: %w", err)
	}
	fmt.Fprintf(s.Out, "Instance %q is deleted.\n", inst.Name)
	return showUnclaimed(s, inst)
}

// showUnclaimed lists the VM directories that stay when all LimaVMs are gone.
func showUnclaimed(s *session.Session, inst instance.Instance) error {
	left, err := resource.ListUnclaimed(inst.LimaHome(), nil)
	if err != nil {
		return err
	}
	for _, directory := range left {
		fmt.Fprintln(s.Out, directory.Text())
	}
	return nil
}

// removeDirs removes the saved arguments last: until then the instance exists and can be deleted again.
func removeDirs(inst instance.Instance, keepVMs bool) error {
	remove := []string{inst.LogDir, inst.ShortDir}
	if keepVMs {
		entries, err := os.ReadDir(inst.ShortDir)
		if err != nil {
			return err
		}
		remove = remove[:1]
		for _, entry := range entries {
			if path := filepath.Join(inst.ShortDir, entry.Name()); path != inst.LimaHome() {
				remove = append(remove, path)
			}
		}
	}
	var errs []error
	for _, path := range remove {
		errs = append(errs, atomicfile.RemoveAll(path))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return atomicfile.RemoveAll(inst.Dir)
}

// stopVMs turns every VM off through the API and returns when they are.
func stopVMs(ctx context.Context, s *session.Session, inst instance.Instance) error {
	if exists, err := client.Exists(inst); err != nil || !exists {
		return err
	}
	c, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	if err := resource.StopApp(ctx, s, true); err != nil {
		return err
	}
	var machines limav1.LimaVMList
	if err := c.List(ctx, &machines); err != nil {
		return fmt.Errorf("listing the LimaVMs: %w", err)
	}
	for i := range machines.Items {
		machine := &machines.Items[i]
		if metav1.GetControllerOf(machine) != nil {
			continue // stopped with its owner
		}
		if err := resource.SetRunning(ctx, s, c, machine, false, true); err != nil {
			return err
		}
	}
	return nil
}
