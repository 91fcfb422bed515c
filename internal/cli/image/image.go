// SPDX-License-Identifier: Apache-2.0

package image

import (
	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/vm/image"
	"rancherdesktop.io/rdd/internal/vm/image/build"
	"rancherdesktop.io/rdd/internal/vm/image/fetch"
)

// Command is `rdd image`.
func Command(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "image",
		Aliases: []string{"images"},
		Short:   "Work with the guest images that virtual machines are made from",
		Long: `Guest images lie in a cache that all instances share. Those that a template names as "rdd:NAME" are built on this
machine from Debian's packages; those that it names by a URL or a file are downloaded or copied. Both happen when the first
virtual machine needs them. These commands need no running daemon.`,
		Example: `  rdd image build
  rdd image list
  rdd image prune`,
	}
	cmd.AddCommand(buildCommand(s), listCommand(s), removeCommand(s), pruneCommand(s))
	return cmd
}

// openStore opens the cache of images, which all instances share.
func openStore(s *session.Session) (*image.Store, error) {
	inst, err := s.Instance()
	if err != nil {
		return nil, err
	}
	return image.NewStore(inst.ImageDir(), build.New(), fetch.New()), nil
}
