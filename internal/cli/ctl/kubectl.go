// SPDX-License-Identifier: Apache-2.0

package ctl

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/component-base/logs"
	kubectl "k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/plugin"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"

	_ "rancherdesktop.io/rdd/internal/cli/quiet" // see there
	"rancherdesktop.io/rdd/internal/cli/session"
)

// KubectlName is the name of a link to this program that makes it kubectl.
const KubectlName = "kubectl"

func kubectlCommand(s *session.Session) *cobra.Command {
	return &cobra.Command{
		Use:                "kubectl [ARGUMENTS…]",
		Short:              "Run the built-in kubectl against any cluster",
		Long:               "Kubectl is plain kubectl with the usual kubeconfig. A link named kubectl to the rdd binary does the same.",
		Example:            "  rdd kubectl config get-contexts\n  ln -s \"$(command -v rdd)\" ~/bin/kubectl",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !CalledAsKubectl() && instanceMisplaced(args) {
				return session.ErrMisplacedInstance
			}
			return runKubectl(cmd.Context(), newKubectl(s, s.Raw(), kubectlFlags(), args))
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
			return completeKubectl(cmd.Context(), args, prefix, func(to session.Streams, args []string) *cobra.Command {
				return newKubectl(s, to, kubectlFlags(), args)
			})
		},
	}
}

func kubectlFlags() *genericclioptions.ConfigFlags {
	return genericclioptions.NewConfigFlags(true).WithDeprecatedPasswordFlag().WithDiscoveryBurst(300).WithDiscoveryQPS(50)
}

// newKubectl builds kubectl for these arguments. When they name a plugin, kubectl replaces this
// process by the plugin.
func newKubectl(s *session.Session, to session.Streams, flags *genericclioptions.ConfigFlags, args []string) *cobra.Command {
	signal.Reset(os.Interrupt, syscall.SIGTERM) // they end kubectl, and a plugin
	io := genericiooptions.IOStreams{In: to.In, Out: to.Out, ErrOut: to.Err}
	tool := kubectl.NewDefaultKubectlCommandWithArgs(kubectl.KubectlOptions{
		PluginHandler: pluginHandler(args),
		Arguments:     append([]string{KubectlName}, args...),
		ConfigFlags:   flags.WithWarningPrinter(io),
		IOStreams:     io,
	})
	tool.SilenceErrors, tool.SilenceUsage = true, true
	tool.SetArgs(args)
	tool.SetIn(to.In)
	tool.SetOut(to.Out)
	tool.SetErr(to.Err)
	logs.AddFlags(tool.PersistentFlags()) // -v and the like, which kubectl's main adds
	if !CalledAsKubectl() {
		addLogging(s, tool)
	}
	return tool
}

// addLogging gives kubectl rdd's flags about the log. Its own -v comes before them.
func addLogging(s *session.Session, tool *cobra.Command) {
	s.AddLogging(tool)
	before := tool.PersistentPreRunE
	tool.PersistentPreRunE = func(cmd *cobra.Command, args []string) error {
		if !s.LoggingGiven() || cmd.Flags().Changed("v") {
			return before(cmd, args)
		}
		if err := s.ApplyLogging(); err != nil {
			return &session.CodeError{Code: session.ExitError, Err: err}
		}
		return before(cmd, args)
	}
}

// pluginHandler finds plugins. It is nil for rdd's own command, which kubectl would take for a
// plugin.
func pluginHandler(args []string) kubectl.PluginHandler {
	if slices.Contains(args, waitConditionName) {
		return nil
	}
	return kubectl.NewDefaultPluginHandler(plugin.ValidPluginFilenamePrefixes)
}

// runKubectl runs kubectl in this process. An error of kubectl's own ends the process here, with
// kubectl's exit code. Only a *session.CodeError is returned.
func runKubectl(ctx context.Context, tool *cobra.Command) error {
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

// CalledAsKubectl reports whether this program was started under the name of kubectl.
func CalledAsKubectl() bool {
	name := filepath.Base(os.Args[0])
	return name == KubectlName || name == KubectlName+".exe"
}
