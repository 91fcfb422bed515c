// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/instance"
)

// completionExamples say how to install the completion script of each shell.
var completionExamples = map[string]string{
	"bash":       "  rdd completion bash > ~/.local/share/bash-completion/completions/rdd",
	"zsh":        "  rdd completion zsh > \"${fpath[1]}/_rdd\"",
	"fish":       "  rdd completion fish > ~/.config/fish/completions/rdd.fish",
	"powershell": "  rdd completion powershell | Out-String | Invoke-Expression",
}

// addCompletion adds cobra's completion and help commands, with examples.
func addCompletion(tree *cobra.Command) {
	_ = tree.RegisterFlagCompletionFunc(session.InstanceFlag, completeInstance) // fails for a flag that does not exist
	tree.InitDefaultCompletionCmd()
	tree.InitDefaultHelpCmd()
	for _, cmd := range tree.Commands() {
		switch cmd.Name() {
		case "completion":
			cmd.Example = completionExamples["bash"]
			for _, shell := range cmd.Commands() {
				shell.Example = completionExamples[shell.Name()]
			}
		case "help":
			cmd.Example = "  rdd help start"
			helpForCommand(cmd)
		}
	}
}

// completeInstance completes the names of existing instances.
func completeInstance(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
	names, err := instance.List()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return session.WithPrefix(names, prefix), cobra.ShellCompDirectiveNoFileComp
}
