// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	kubectl "k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/plugin"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"

	_ "rancherdesktop.io/rdd/internal/cli/quiet"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/client"
	"rancherdesktop.io/rdd/internal/instance"
)

// kubectlName is the name under which a link to this program is kubectl.
const kubectlName = "kubectl"

func ctlCommand(s *session.Session) *cobra.Command {
	return &cobra.Command{
		Use:   "ctl [ARGUMENTS…]",
		Short: "Run kubectl against this instance",
		Long: `Ctl is kubectl against this instance, whatever KUBECONFIG says. It starts the daemon when it is
not running. All of kubectl's commands, flags, plugins and exit codes are as usual; in addition, wait-condition
waits for what kubectl wait cannot express.`,
		Example: `  rdd ctl get app,limavm -A
  rdd ctl explain app.spec --recursive
  rdd ctl wait-condition app/app Settled --since startup`,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			inst, err := s.Instance()
			if err != nil {
				return err
			}
			if onlyHelp(args) {
				return runKubectl(cmd.Context(), s, newCtl(s, s.Streams, ctlFlags(inst), args, time.Time{}))
			}
			record, err := client.Ensure(cmd.Context(), inst, client.Options{Build: s.Build})
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
			return runKubectl(cmd.Context(), s, newCtl(s, s.Streams, flags, args, record.Started))
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

func kubectlCommand(s *session.Session) *cobra.Command {
	return &cobra.Command{
		Use:                "kubectl [ARGUMENTS…]",
		Short:              "Run the built-in kubectl against any cluster",
		Long:               "Kubectl is plain kubectl with the usual kubeconfig. A link named kubectl to the rdd binary does the same.",
		Example:            "  rdd kubectl config get-contexts\n  ln -s \"$(command -v rdd)\" ~/bin/kubectl",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runKubectl(cmd.Context(), s, newKubectl(s, s.Streams, kubectlFlags(), args))
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
			return completeKubectl(cmd.Context(), args, prefix, func(to session.Streams, args []string) *cobra.Command {
				return newKubectl(s, to, kubectlFlags(), args)
			})
		},
	}
}

// onlyHelp reports whether kubectl would do no more than explain itself, for which no daemon is needed.
func onlyHelp(args []string) bool {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	return len(args) == 0 || args[0] == "help" || slices.Contains(args, "--help") || slices.Contains(args, "-h")
}

func kubectlFlags() *genericclioptions.ConfigFlags {
	return genericclioptions.NewConfigFlags(true).WithDeprecatedPasswordFlag().WithDiscoveryBurst(300).WithDiscoveryQPS(50)
}

// ctlFlags point kubectl at an instance. Its cache is the instance's own: ~/.kube is the user's.
func ctlFlags(inst instance.Instance) *genericclioptions.ConfigFlags {
	flags := kubectlFlags()
	*flags.KubeConfig = inst.ConfigFile()
	*flags.CacheDir = filepath.Join(inst.Dir, "kubectl-cache")
	return flags
}

// newCtl builds kubectl with rdd's own addition; started is when the daemon began.
func newCtl(s *session.Session, to session.Streams, flags *genericclioptions.ConfigFlags, args []string, started time.Time) *cobra.Command {
	tool := newKubectl(s, to, flags, args)
	tool.AddCommand(waitConditionCommand(s, flags, started))
	return tool
}

// newKubectl builds kubectl for these arguments. When they name a plugin, that takes this process's place.
func newKubectl(s *session.Session, to session.Streams, flags *genericclioptions.ConfigFlags, args []string) *cobra.Command {
	signal.Reset(os.Interrupt, syscall.SIGTERM) // kubectl, and a plugin, end by them
	io := genericiooptions.IOStreams{In: to.In, Out: to.Out, ErrOut: to.Err}
	tool := kubectl.NewDefaultKubectlCommandWithArgs(kubectl.KubectlOptions{
		PluginHandler: pluginHandler(args),
		Arguments:     append([]string{kubectlName}, args...),
		ConfigFlags:   flags.WithWarningPrinter(io),
		IOStreams:     io,
	})
	tool.SilenceErrors, tool.SilenceUsage = true, true
	tool.SetArgs(args)
	tool.SetIn(to.In)
	tool.SetOut(to.Out)
	tool.SetErr(to.Err)
	return tool
}

// pluginHandler finds plugins; none where a command is meant that kubectl would take for one.
func pluginHandler(args []string) kubectl.PluginHandler {
	if slices.Contains(args, waitConditionName) {
		return nil
	}
	return kubectl.NewDefaultPluginHandler(plugin.ValidPluginFilenamePrefixes)
}

// runKubectl runs kubectl in this process. It ends the process itself in most cases of failure, with kubectl's own exit codes.
func runKubectl(ctx context.Context, s *session.Session, tool *cobra.Command) error {
	err := tool.ExecuteContext(ctx)
	var ours *session.CodeError
	if errors.As(err, &ours) {
		return err
	}
	if err != nil {
		cmdutil.CheckErr(err) // prints as kubectl does, and exits
	}
	return nil
}

// calledAsKubectl reports whether this program runs under the name of kubectl.
func calledAsKubectl() bool {
	name := filepath.Base(os.Args[0])
	return name == kubectlName || name == kubectlName+".exe"
}
