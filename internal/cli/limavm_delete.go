// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
)

func (r *root) limavmDeleteCommand() *cobra.Command {
	var unclaimed bool
	cmd := &cobra.Command{
		Use:     "delete NAME…",
		Aliases: []string{"rm"},
		Short:   "Take virtual machines down and remove them with their disks",
		Long: `Delete shuts virtual machines down and removes them with their disks and templates. With --unclaimed it
removes instance directories that no LimaVM claims (rdd status lists them); directories that rdd did not make are left alone.`,
		Example: `  rdd limavm delete dev
  rdd limavm delete dev test --timeout 10m
  rdd limavm delete old --unclaimed`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: r.completeVMs,
	}
	cmd.Flags().BoolVar(&unclaimed, "unclaimed", false, "remove directories without a LimaVM")
	return withWait(cmd, changeTimeout, func(ctx context.Context, args []string, wait bool) error {
		c, err := r.connect(ctx)
		if err != nil {
			return err
		}
		find := func(name string) (*limav1.LimaVM, error) { return findVM(ctx, c, name) }
		if unclaimed {
			find = func(name string) (*limav1.LimaVM, error) { return r.claimToDelete(ctx, c, name) }
		}
		return r.deleteVMs(ctx, c, args, find, wait)
	})
}

// deleteVMs asks for all deletions first, so that they go on at once, and then waits for each.
func (r *root) deleteVMs(ctx context.Context, c ctrl.WithWatch, names []string, find func(string) (*limav1.LimaVM, error), wait bool) error {
	var errs []error
	var going []*limav1.LimaVM
	for _, name := range names {
		machine, err := find(name)
		if err == nil {
			err = askDelete(ctx, c, machine)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		going = append(going, machine)
	}
	for _, machine := range going {
		errs = append(errs, r.awaitDeleted(ctx, c, machine, wait))
	}
	return errors.Join(errs...)
}

// deleteVM deletes one LimaVM.
func (r *root) deleteVM(ctx context.Context, c ctrl.WithWatch, machine *limav1.LimaVM, wait bool) error {
	if err := askDelete(ctx, c, machine); err != nil {
		return err
	}
	return r.awaitDeleted(ctx, c, machine, wait)
}

func askDelete(ctx context.Context, c ctrl.Writer, machine *limav1.LimaVM) error {
	if err := ctrl.IgnoreNotFound(c.Delete(ctx, machine, ctrl.Preconditions{UID: &machine.UID})); err != nil {
		return fmt.Errorf("deleting LimaVM %q: %w", machine.Name, err)
	}
	return nil
}

func (r *root) awaitDeleted(ctx context.Context, c ctrl.WithWatch, machine *limav1.LimaVM, wait bool) error {
	if !wait {
		return r.notWaiting(machine.Name, "be deleted")
	}
	why := func(object ctrl.Object) string { return deletingWhy(object.(*limav1.LimaVM).Status.Conditions) }
	if err := r.waitVM(ctx, c, machine, gone(string(machine.UID), why), "be deleted"); err != nil {
		return err
	}
	fmt.Fprintf(r.out, "LimaVM %q is deleted.\n", machine.Name)
	return nil
}
