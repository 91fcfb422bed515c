// SPDX-License-Identifier: Apache-2.0

package service

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/regular"
)

func configCommand(s *session.Session) *cobra.Command {
	return &cobra.Command{
		Use:               "config",
		Short:             "Print the kubeconfig of the instance",
		Long:              "Config prints the kubeconfig, which holds the user's token. For its path: rdd service paths config",
		Example:           "  rdd service config > kubeconfig\n  KUBECONFIG=$(rdd service paths config) helm list",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			inst, err := s.Instance()
			if err != nil {
				return err
			}
			data, err := regular.ReadFile(inst.ConfigFile())
			if errors.Is(err, fs.ErrNotExist) {
				return errors.New("there is no kubeconfig yet; start the daemon first: rdd service start")
			}
			if err != nil {
				return fmt.Errorf("reading the kubeconfig: %w", err)
			}
			_, err = s.Out.Write(data)
			return err
		},
	}
}
