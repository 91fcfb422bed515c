// SPDX-License-Identifier: Apache-2.0

package ctl

import (
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/component-base/logs"
	kubectl "k8s.io/kubectl/pkg/cmd"

	"rancherdesktop.io/rdd/internal/cli/session"
)

// instanceMisplaced reports whether the arguments for kubectl have rdd's flag --instance where it
// would be a flag of kubectl's, which has none of that name. A plugin may have one, and so may a
// command in a Pod.
func instanceMisplaced(args []string) bool {
	isInstance := func(arg string) bool {
		name, _, _ := strings.Cut(arg, "=")
		return name == "--"+session.InstanceFlag
	}
	if !slices.ContainsFunc(args, isInstance) {
		return false // as nearly always: kubectl's tree is not built for that
	}
	if isInstance(args[0]) || args[0] == waitConditionName {
		return true // no plugin follows a flag
	}
	none := genericiooptions.IOStreams{In: strings.NewReader(""), Out: io.Discard, ErrOut: io.Discard}
	tree := kubectl.NewKubectlCommand(kubectl.KubectlOptions{IOStreams: none, ConfigFlags: kubectlFlags()})
	logs.AddFlags(tree.PersistentFlags())
	new(session.Session).AddLogging(tree)
	cmd, rest, err := tree.Find(args)
	if err != nil || kubectl.IsSubcommandPluginAllowed(cmd.Name()) {
		return false // a plugin
	}
	var unknown *pflag.NotExistError
	return errors.As(cmd.ParseFlags(rest), &unknown) && unknown.GetSpecifiedName() == session.InstanceFlag
}
