// SPDX-License-Identifier: Apache-2.0

package service

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/instance"
)

// argumentFlags are the arguments of an instance as flags.
type argumentFlags struct {
	presence.Arguments
	// known are the names of all controllers.
	known []string
}

func addArguments(s *session.Session, cmd *cobra.Command) *argumentFlags {
	f := &argumentFlags{Arguments: presence.DefaultArguments(), known: s.Controllers}
	cmd.Flags().StringSliceVar(
		&f.Controllers, "controllers", f.Controllers, `controllers to run: names, "*" for all, "-name" to leave one out`,
	)
	cmd.Flags().IntVar(
		&f.SecurePort, "secure-port", 0,
		"port of the API on 127.0.0.1 (default: 6443 + the instance's number); a busy one is replaced by a free one",
	)
	_ = cmd.RegisterFlagCompletionFunc(
		"controllers", session.CompleteList(append(slices.Clone(f.known), presence.AllControllers)),
	) // fails when done twice
	_ = cmd.RegisterFlagCompletionFunc("secure-port", cobra.NoFileCompletions)
	return f
}

// create creates the instance and saves its arguments. created is false when it exists already. It
// is an error when it exists with other arguments than the flags ask for.
func (f *argumentFlags) create(cmd *cobra.Command, inst instance.Instance) (created bool, err error) {
	if f.SecurePort < 0 || f.SecurePort > 65535 {
		return false, fmt.Errorf("--secure-port must be between 1 and 65535; got %d", f.SecurePort)
	}
	if _, err := presence.SelectControllers(f.Controllers, f.known); err != nil {
		return false, fmt.Errorf("--controllers: %w", err)
	}
	present, exists, err := presence.LoadArguments(inst)
	if err != nil {
		return false, err
	}
	asked := cmd.Flags().Changed("controllers") || cmd.Flags().Changed("secure-port")
	if exists && asked && !present.Equal(f.Arguments) {
		return false, fmt.Errorf(
			"instance %q exists with other arguments (%s); to change them: rdd service delete, then create it again", inst.Name, inst.ArgsFile(),
		)
	}
	if exists {
		return false, nil
	}
	if err := inst.MakeDirs(); err != nil {
		return false, err
	}
	return true, f.Save(inst)
}
