// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/session"
)

func limavmDeleteCommand(s *session.Session) *cobra.Command {
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
		ValidArgsFunction: completeVMs(s),
	}
	cmd.Flags().BoolVar(&unclaimed, "unclaimed", false, "remove directories without a LimaVM")
	return session.WithWait(cmd, session.ChangeTimeout, func(ctx context.Context, args []string, wait bool) error {
		c, err := s.Connect(ctx)
		if err != nil {
			return err
		}
		find := func(name string) (*limav1.LimaVM, error) { return findVM(ctx, c, name) }
		if unclaimed {
			find = func(name string) (*limav1.LimaVM, error) { return claimToDelete(ctx, s, c, name) }
		}
		return deleteVMs(ctx, s, c, args, find, wait)
	})
}

// deleteVMs asks for all deletions first, so that they go on at once, and then waits for each.
func deleteVMs(ctx context.Context, s *session.Session, c ctrl.WithWatch, names []string, find func(string) (*limav1.LimaVM, error), wait bool) error {
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
		errs = append(errs, awaitDeleted(ctx, s, c, machine, wait))
	}
	return errors.Join(errs...)
}

// deleteVM deletes one LimaVM.
func deleteVM(ctx context.Context, s *session.Session, c ctrl.WithWatch, machine *limav1.LimaVM, wait bool) error {
	if err := askDelete(ctx, c, machine); err != nil {
		return err
	}
	return awaitDeleted(ctx, s, c, machine, wait)
}

func askDelete(ctx context.Context, c ctrl.Writer, machine *limav1.LimaVM) error {
	if err := ctrl.IgnoreNotFound(c.Delete(ctx, machine, ctrl.Preconditions{UID: &machine.UID})); err != nil {
		return fmt.Errorf("deleting LimaVM %q: %w", machine.Name, err)
	}
	return nil
}

func awaitDeleted(ctx context.Context, s *session.Session, c ctrl.WithWatch, machine *limav1.LimaVM, wait bool) error {
	if !wait {
		return notWaiting(s, machine.Name, "be deleted")
	}
	why := func(object ctrl.Object) string { return deletingWhy(object.(*limav1.LimaVM).Status.Conditions) }
	if err := waitVM(ctx, s, c, machine, session.Gone(string(machine.UID), why), "be deleted"); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "LimaVM %q is deleted.\n", machine.Name)
	return nil
}
