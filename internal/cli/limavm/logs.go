// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/util/validation"

	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/logfile"
	"rancherdesktop.io/rdd/internal/textfile"
	"rancherdesktop.io/rdd/internal/vm"
)

func logsCommand(s *session.Session) *cobra.Command {
	kinds, o := logKinds(s), textfile.TailOptions{}
	output := newKindsFlag(kinds)
	cmd := &cobra.Command{
		Use:     "logs NAME",
		Aliases: []string{"log"},
		Short:   "Print a virtual machine's logs",
		Long: `Logs prints logs from the instance directory of a virtual machine; it needs no daemon. -f goes on with what is
added, also after a restart of the machine, until Ctrl-C. Several logs are marked line by line. KIND is one or more, with commas, of

` + logHelp(kinds),
		Example:           "  rdd limavm logs dev\n  rdd limavm logs dev -f -o serial\n  rdd limavm logs dev -n 20 -o all",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: resource.CompleteVM(s),
	}
	cmd.Flags().VarP(output, "output", "o", "logs to print")
	cmd.Flags().BoolVarP(&o.Follow, "follow", "f", false, "keep printing what is added")
	cmd.Flags().IntVarP(&o.Lines, "lines", "n", -1, "last lines to print of each; -1: all")
	completion := cobra.FixedCompletions(append(slices.Clone(output.valid), "all"), cobra.ShellCompDirectiveNoFileComp)
	_ = cmd.RegisterFlagCompletionFunc("output", completion) // fails for a flag that does not exist
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return printLogs(cmd.Context(), s, args[0], output.chosen, o)
	}
	return cmd
}

func printLogs(ctx context.Context, s *session.Session, name string, kinds []string, o textfile.TailOptions) error {
	files, err := logFiles(ctx, s, name, kinds)
	if err != nil {
		return err
	}
	if len(kinds) == 1 {
		return printLog(ctx, s.Out, name, kinds[0], files[0], o)
	}
	// Lines of several logs must not mix.
	shared := &session.SharedWriter{Out: s.Out}
	group, following := errgroup.WithContext(ctx)
	if !o.Follow {
		group.SetLimit(1)
	}
	for i, kind := range kinds {
		group.Go(func() error {
			out := &session.PrefixWriter{Prefix: kind + ": ", Out: shared}
			err := printLog(following, out, name, kind, files[i], o)
			return errors.Join(err, out.Flush())
		})
	}
	return group.Wait()
}

// printLog prints one log. That there is none, because the machine was never started, is an error
// unless the log is followed.
func printLog(ctx context.Context, out io.Writer, name, kind, file string, o textfile.TailOptions) error {
	o.Old = logfile.Old(file)
	err := textfile.Tail(ctx, out, file, o)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("LimaVM %q has no log %s yet: it was never started; to start it: rdd limavm start %s", name, kind, name)
	}
	return err
}

// logFiles returns the files of these kinds of logs. Without an instance directory the error says
// why there is none.
func logFiles(ctx context.Context, s *session.Session, name string, kinds []string) ([]string, error) {
	if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
		return nil, fmt.Errorf("%q is no name of a LimaVM: %s", name, problems[0])
	}
	finder, err := session.Ability[vm.LogFinder](s, "find its logs")
	if err != nil {
		return nil, err
	}
	var files []string
	for _, kind := range kinds {
		file, err := finder.LogFile(ctx, name, kind)
		if errors.Is(err, vm.ErrNotFound) {
			return nil, explainNoDirectory(ctx, s, name)
		}
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

// explainNoDirectory says why a LimaVM has no instance directory.
func explainNoDirectory(ctx context.Context, s *session.Session, name string) error {
	c, err := connect(ctx, s, name)
	if err != nil {
		return err
	}
	if _, err := resource.FindVM(ctx, c, name); err != nil {
		return err
	}
	return fmt.Errorf("LimaVM %q has no instance directory yet; to see why: rdd why %s", name, name)
}
