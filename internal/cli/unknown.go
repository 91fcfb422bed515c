// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"rancherdesktop.io/rdd/internal/levenshtein"
)

// refuseUnknown makes an unknown subcommand of every group an error that names the nearest command.
// Cobra would print the help and succeed.
func refuseUnknown(tree *cobra.Command) {
	if tree.HasSubCommands() && (!tree.Runnable() || tree.Args == nil) {
		tree.Args = func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return unknownCommand(cmd, args[0])
		}
		if !tree.Runnable() {
			tree.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	}
	for _, child := range tree.Commands() {
		refuseUnknown(child)
	}
}

// unknownCommand is the error for the name of a command that a group does not have. It names those
// of that very name elsewhere, or else the similar ones of the group.
func unknownCommand(group *cobra.Command, name string) error {
	similar := commandsNamed(group.Root(), name)
	if len(similar) == 0 {
		similar = levenshtein.Similar(name, commandNames(group))
	}
	return fmt.Errorf("unknown command %q for %q%s", name, group.CommandPath(), levenshtein.Question(similar))
}

// commandNames lists the names and aliases of a group's commands.
func commandNames(group *cobra.Command) []string {
	var names []string
	for _, cmd := range group.Commands() {
		if cmd.IsAvailableCommand() {
			names = append(append(names, cmd.Name()), cmd.Aliases...)
		}
	}
	return names
}

// commandsNamed lists the commands of that name in the whole tree, each with its path.
func commandsNamed(tree *cobra.Command, name string) []string {
	var found []string
	for _, cmd := range tree.Commands() {
		if !cmd.IsAvailableCommand() {
			continue
		}
		if cmd.Name() == name || cmd.HasAlias(name) {
			found = append(found, cmd.CommandPath())
		}
		found = append(found, commandsNamed(cmd, name)...)
	}
	return found
}

// withNearestFlag adds to the error for an unknown flag of cmd the nearest flags.
func withNearestFlag(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) || unknown.GetSpecifiedShortnames() != "" {
		return err
	}
	var names []string
	add := func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, "--"+f.Name)
		}
	}
	cmd.Flags().VisitAll(add)
	cmd.InheritedFlags().VisitAll(add)
	return fmt.Errorf("%w%s", err, levenshtein.Hint("--"+unknown.GetSpecifiedName(), names))
}

// helpForCommand makes `help` refuse a command that does not exist. Cobra would print the help of
// the group and succeed.
func helpForCommand(help *cobra.Command) {
	help.Run = nil
	help.RunE = func(cmd *cobra.Command, args []string) error {
		about := cmd.Root()
		for i, name := range args {
			if !about.HasSubCommands() {
				break // what follows are arguments
			}
			next, _, err := about.Find(args[i : i+1])
			if err != nil || next == about {
				return unknownCommand(about, name)
			}
			about = next
		}
		about.InitDefaultHelpFlag()
		about.SetContext(cmd.Context()) // a help text may ask the daemon
		return about.Help()
	}
}
