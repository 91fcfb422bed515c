// SPDX-License-Identifier: Apache-2.0

package ctl

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/client"
	"rancherdesktop.io/rdd/internal/instance"
)

func ctlCommand(s *session.Session) *cobra.Command {
	return &cobra.Command{
		Use:   "ctl [ARGUMENTS…]",
		Short: "Run kubectl against this instance",
		Long: `Ctl is kubectl against this instance, whatever KUBECONFIG says. It starts the daemon when it is
not running. All of kubectl's commands, flags, plugins and exit codes are as usual; in addition, wait-condition
waits for what kubectl wait cannot express. Of rdd's own flags, --log-level and --log-format may follow ctl.`,
		Example: `  rdd ctl get app,limavm -A
  rdd ctl explain app.spec --recursive
  rdd ctl wait-condition app/app Settled --since startup`,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			inst, err := s.Instance()
			if err != nil {
				return err
			}
			if instanceMisplaced(args) {
				return session.ErrMisplacedInstance
			}
			if onlyHelp(args) {
				return runKubectl(cmd.Context(), newCtl(s, s.Raw(), ctlFlags(inst), args, time.Time{}))
			}
			record, err := client.Ensure(cmd.Context(), inst, s.ClientOptions())
			if err != nil {
				return err
			}
			if _, err := client.Config(inst); err != nil {
				return err
			}
			if err := os.Setenv("KUBECONFIG", inst.ConfigFile()); err != nil { // for kubectl config, and for plugins
				return fmt.Errorf("pointing kubectl at instance %q: %w", inst.Name, err)
			}
			flags := ctlFlags(inst)
			return runKubectl(cmd.Context(), newCtl(s, s.Raw(), flags, args, record.Started))
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
			inst, err := s.Instance()
			if err != nil {
				return nil, cobra.ShellCompDirectiveError
			}
			return completeKubectl(cmd.Context(), args, prefix, func(to session.Streams, args []string) *cobra.Command {
				return newCtl(s, to, ctlFlags(inst), args, time.Time{})
			})
		},
	}
}

// onlyHelp reports whether the arguments only ask kubectl for help, which needs no daemon.
func onlyHelp(args []string) bool {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	return len(args) == 0 || args[0] == "help" || slices.Contains(args, "--help") || slices.Contains(args, "-h")
}

// ctlFlags returns kubectl's flags for an instance. The cache of discovery is the instance's own,
// because ~/.kube is the user's.
func ctlFlags(inst instance.Instance) *genericclioptions.ConfigFlags {
	flags := kubectlFlags()
	*flags.KubeConfig = inst.ConfigFile()
	*flags.CacheDir = filepath.Join(inst.Dir, "kubectl-cache")
	return flags
}

// newCtl builds kubectl with rdd's own command wait-condition. started is when the daemon started.
func newCtl(s *session.Session, to session.Streams, flags *genericclioptions.ConfigFlags, args []string, started time.Time) *cobra.Command {
	tool := newKubectl(s, to, flags, args)
	tool.AddCommand(waitConditionCommand(s, flags, started))
	return tool
}
