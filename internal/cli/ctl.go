// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	kubectl "k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/plugin"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"

	_ "rancherdesktop.io/rdd/internal/cli/quiet" // see there
	"rancherdesktop.io/rdd/internal/client"
)

// kubectlName is the name under which a link to this program is kubectl.
const kubectlName = "kubectl"

func (r *root) ctlCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "ctl [ARGUMENTS…]",
		Short: "Run kubectl against this instance",
		Long: `Ctl is kubectl against this instance, whatever KUBECONFIG says. It starts the daemon when it is
not running. All of kubectl's commands, flags and exit codes are as usual.`,
		Example: `  rdd ctl get app,limavm -A
  rdd ctl explain app.spec --recursive
  rdd ctl wait app/app --for=condition=Settled`,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			inst, err := r.instance()
			if err != nil {
				return err
			}
			if _, err := client.Ensure(cmd.Context(), inst, client.Options{Build: r.build}); err != nil {
				return err
			}
			flags := kubectlFlags()
			*flags.KubeConfig = inst.ConfigFile()
			*flags.CacheDir = filepath.Join(inst.Dir, "kubectl-cache")
			return r.runKubectl(cmd, flags, nil, args)
		},
	}
}

func (r *root) kubectlCommand() *cobra.Command {
	return &cobra.Command{
		Use:                "kubectl [ARGUMENTS…]",
		Short:              "Run the built-in kubectl against any cluster",
		Long:               "Kubectl is plain kubectl with the usual kubeconfig. A link named kubectl to the rdd binary does the same.",
		Example:            "  rdd kubectl config get-contexts",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.runKubectl(cmd, kubectlFlags(), kubectl.NewDefaultPluginHandler(plugin.ValidPluginFilenamePrefixes), args)
		},
	}
}

func kubectlFlags() *genericclioptions.ConfigFlags {
	return genericclioptions.NewConfigFlags(true).WithDeprecatedPasswordFlag().WithDiscoveryBurst(300).WithDiscoveryQPS(50)
}

// runKubectl runs kubectl in this process. It ends the process itself in most cases of failure, with kubectl's own exit codes.
func (r *root) runKubectl(cmd *cobra.Command, flags *genericclioptions.ConfigFlags, plugins kubectl.PluginHandler, args []string) error {
	signal.Reset(os.Interrupt, syscall.SIGTERM) // kubectl ends by them
	streams := genericiooptions.IOStreams{In: r.in, Out: r.out, ErrOut: r.err}
	tool := kubectl.NewDefaultKubectlCommandWithArgs(kubectl.KubectlOptions{
		PluginHandler: plugins,
		Arguments:     append([]string{kubectlName}, args...),
		ConfigFlags:   flags.WithWarningPrinter(streams),
		IOStreams:     streams,
	})
	tool.SilenceErrors, tool.SilenceUsage = true, true
	tool.SetArgs(args)
	tool.SetIn(r.in)
	tool.SetOut(r.out)
	tool.SetErr(r.err)
	if err := tool.ExecuteContext(cmd.Context()); err != nil {
		cmdutil.CheckErr(err) // prints as kubectl does, and exits
	}
	return nil
}

// calledAsKubectl reports whether this program runs under the name of kubectl.
func calledAsKubectl() bool {
	name := filepath.Base(os.Args[0])
	return name == kubectlName || name == kubectlName+".exe"
}
