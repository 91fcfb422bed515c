// SPDX-License-Identifier: Apache-2.0

package service

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/shellquote"
)

// sortedKeys returns the keys of a map in order.
func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func pathsCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "paths [KEY…]",
		Short: "Print the files and directories of the instance",
		Long: `Paths prints where the instance keeps its files, whether they exist or not; with KEYs, those paths alone, one
a line.`,
		Example: "  rdd service paths\n  rdd service paths config\n  eval \"$(rdd service paths -o shell)\"",
		ValidArgsFunction: func(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
			keys := slices.DeleteFunc(sortedKeys(instance.Instance{}.Paths()), func(key string) bool { return slices.Contains(args, key) })
			return session.WithPrefix(keys, prefix), cobra.ShellCompDirectiveNoFileComp
		},
	}
	format := &session.Choice{Value: "table", Valid: []string{"table", "json", "shell"}}
	cmd.Flags().VarP(format, "output", "o", "output format")
	_ = cmd.RegisterFlagCompletionFunc(
		"output", cobra.FixedCompletions(format.Valid, cobra.ShellCompDirectiveNoFileComp),
	) // fails when done twice
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		inst, err := s.Instance()
		if err != nil {
			return err
		}
		paths, err := selectPaths(inst.Paths(), args)
		if err != nil {
			return err
		}
		if format.Value == "shell" {
			printShell(s, paths)
			return nil
		}
		return session.OutputFormat(format.Value).Print(s.Out, paths, func(w io.Writer) { pathTable(w, paths, args) })
	}
	return cmd
}

// selectPaths returns the paths of these keys; of all without a key.
func selectPaths(paths map[string]string, keys []string) (map[string]string, error) {
	if len(keys) == 0 {
		return paths, nil
	}
	selected := map[string]string{}
	for _, key := range keys {
		value, ok := paths[key]
		if !ok {
			return nil, fmt.Errorf("unknown key %q; valid keys: %s", key, strings.Join(sortedKeys(paths), ", "))
		}
		selected[key] = value
	}
	return selected, nil
}

// printShell prints paths as assignments for a POSIX shell.
func printShell(s *session.Session, paths map[string]string) {
	for _, key := range sortedKeys(paths) {
		fmt.Fprintf(s.Out, "export RDD_%s=%s\n", strings.ToUpper(key), shellquote.Line(paths[key]))
	}
}

// pathTable prints the paths of these keys alone, one a line; without a key all, each after its
// key.
func pathTable(w io.Writer, paths map[string]string, keys []string) {
	for _, key := range keys {
		fmt.Fprintln(w, paths[key])
	}
	if len(keys) > 0 {
		return
	}
	for _, key := range sortedKeys(paths) {
		fmt.Fprintf(w, "%s\t%s\n", key, paths[key])
	}
}
