// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
)

func protectCommand(s *session.Session) *cobra.Command {
	return protectionCommand(s, &cobra.Command{
		Use:   "protect NAME…",
		Short: "Keep virtual machines from being deleted or reset",
		Long: `Protect makes the API server refuse the deletion and the reset of virtual machines, by whomever, until
rdd limavm unprotect. All else can be done with them. The App's machine goes with the App and is not protected so.`,
		Example: "  rdd limavm protect dev",
	}, "true", "LimaVM %q is protected from deletion and reset.\n")
}

func unprotectCommand(s *session.Session) *cobra.Command {
	return protectionCommand(s, &cobra.Command{
		Use:     "unprotect NAME…",
		Short:   "Let protected virtual machines be deleted again",
		Long:    "Unprotect takes back what protect has done.",
		Example: "  rdd limavm unprotect dev && rdd limavm delete dev",
	}, "", "LimaVM %q is not protected.\n")
}

// protectionCommand completes a command that gives the annotation of each named LimaVM a value;
// none removes it. done is a line about a name.
func protectionCommand(s *session.Session, cmd *cobra.Command, value, done string) *cobra.Command {
	cmd.Args, cmd.ValidArgsFunction = cobra.MinimumNArgs(1), resource.CompleteVMs(s)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, cancel := context.WithTimeout(cmd.Context(), session.ServiceTimeout)
		defer cancel()
		c, err := connect(ctx, s, args[0])
		if err != nil {
			return err
		}
		var errs []error
		for _, name := range session.Distinct(args) {
			machine, err := resource.FindVM(ctx, c, name)
			if err == nil {
				err = resource.PatchVM(ctx, c, machine, resource.VMPatch{Annotation: limav1.AnnotationProtected, Value: value})
			}
			if err != nil {
				errs = append(errs, err)
				continue
			}
			fmt.Fprintf(s.Out, done, name)
		}
		return errors.Join(errs...)
	}
	return cmd
}
