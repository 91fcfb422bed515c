// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"errors"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/logfile"
	"rancherdesktop.io/rdd/internal/vm/qemu/hostagent"
	"rancherdesktop.io/rdd/internal/vm/qemu/machine"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// hostagentCommand is the process that serves one virtual machine. The engine starts it.
func hostagentCommand(s *session.Session) *cobra.Command {
	var config hostagent.Config
	var limaHome string
	cmd := &cobra.Command{
		Use:     "hostagent NAME",
		Short:   "Serve one virtual machine until it ends",
		Long:    "Hostagent runs the virtual machine in an instance directory, or adopts the one that runs. The engine starts it.",
		Example: "  rdd hostagent rd --lima-home ~/.rd2/lima --cache-dir ~/.cache/rancher-desktop --adopt",
		Hidden:  true,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := machine.ParseOverride(config.Accelerator); err != nil {
				return err
			}
			config.Dir, config.Version = vmdir.In(limaHome, args[0]), s.Build.Version
			var err error
			if config.Private, err = instance.Hidden(); err != nil {
				return err
			}
			config.Private = append(config.Private, limaHome, config.CacheDir)
			config.Events = logfile.NewWriter(os.Stdout, config.Dir.HostagentStdout(), vmdir.MaxLog)
			logging, err := s.Logging()
			if err != nil {
				return err
			}
			config.Log = slog.New(logging.Handler(logfile.NewWriter(os.Stderr, config.Dir.HostagentStderr(), vmdir.MaxLog)))
			err = hostagent.Run(cmd.Context(), config)
			if errors.Is(err, flock.ErrLocked) {
				return errors.New("another hostagent serves " + args[0])
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&limaHome, "lima-home", "", "directory of the instance directories")
	flags.StringVar(&config.CacheDir, "cache-dir", "", "directory for what was found out about the host")
	flags.StringVar(&config.Accelerator, "accelerator", "", "kvm, tcg, or auto for what works")
	flags.BoolVar(&config.Adopt, "adopt", false, "end when there is no machine to adopt")
	flags.BoolVar(&config.Inherited, "inherited", false, "lock and socket were handed down as descriptors 3 and 4")
	for _, name := range []string{"lima-home", "cache-dir"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // only for a flag that does not exist
		}
	}
	return cmd
}
