// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
)

func deleteCommand(s *session.Session) *cobra.Command {
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
		ValidArgsFunction: resource.CompleteVMs(s),
	}
	cmd.Flags().BoolVar(&unclaimed, "unclaimed", false, "remove directories without a LimaVM")
	return session.WithWait(cmd, session.ChangeTimeout, func(ctx context.Context, args []string, wait bool) error {
		c, err := s.Connect(ctx)
		if err != nil {
			return err
		}
		find := func(name string) (*limav1.LimaVM, error) { return resource.FindVM(ctx, c, name) }
		if unclaimed {
			find = func(name string) (*limav1.LimaVM, error) { return claimToDelete(ctx, s, c, name) }
		}
		return deleteVMs(ctx, s, c, args, find, wait)
	})
}

// deleteVMs asks for all deletions first, so that they run at the same time, and then waits for
// each. The error joins those of all names.
func deleteVMs(
	ctx context.Context, s *session.Session, c ctrlclient.WithWatch, names []string, find func(string) (*limav1.LimaVM, error), wait bool,
) error {
	var errs []error
	var going []*limav1.LimaVM
	for _, name := range session.Distinct(names) {
		machine, err := find(name)
		if err == nil {
			err = resource.AskDelete(ctx, c, machine)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		going = append(going, machine)
	}
	for _, machine := range going {
		errs = append(errs, resource.AwaitDeleted(ctx, s, c, machine, wait))
	}
	return errors.Join(errs...)
}
