// SPDX-License-Identifier: Apache-2.0

package why

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/cli/why/explain"
)

// report is what `rdd why` prints; the JSON keys are an interface for scripts.
type report struct {
	// About is "App", or the name of a LimaVM.
	About string        `json:"about"`
	Cause explain.Cause `json:"cause"`
	// Failure is what failed last and is still in the way, as the LimaVM's status has it.
	Failure *limav1.Failure `json:"failure,omitempty"`
	// Timeline is what happened before, in order of time.
	Timeline []explain.Entry `json:"timeline"`
}

// Command is `rdd why`.
func Command(s *session.Session) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "why [NAME]",
		Short: "Say what keeps the VM from running, and what to do",
		Long: `Why says in the first line what blocks the App's VM, or the virtual machine NAME, now, and then what to do about it.
Below it prints what led there in order of time: conditions, Events, the phases that the machine went through, and the
last lines of the guest's console.

It starts nothing: while the daemon is down it tells what the disk shows.`,
		Example: `  rdd why
  rdd why dev
  rdd why dev -o json`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: resource.CompleteVM(s),
	}
	output := session.AddOutput(cmd)
	cmd.Flags().BoolVarP(&all, "all", "a", false, "print the whole time line")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, cancel := context.WithTimeout(cmd.Context(), session.RequestTimeout)
		defer cancel()
		name := ""
		if len(args) == 1 {
			name = args[0]
		}
		facts, err := gather(ctx, s, name)
		if err != nil {
			return err
		}
		report := reportOn(*facts, name)
		return output.Print(s.Out, report, func(io.Writer) { report.text(s.Out, all) })
	}
	return cmd
}

// reportOn returns the report on a virtual machine, or on the App when name is empty.
func reportOn(facts explain.Facts, name string) report {
	// Scripts get an empty list, not null.
	w := report{About: "App", Cause: explain.Find(facts), Timeline: append([]explain.Entry{}, explain.Timeline(facts)...)}
	if facts.VM != nil {
		w.Failure = facts.VM.Status.Failure
	}
	if name != "" {
		w.About = name
	}
	return w
}

// shownEntries is how many entries of the time line are shown without --all.
const shownEntries = 40

// text writes the report for people.
func (w report) text(out io.Writer, all bool) {
	fmt.Fprintln(out, w.Cause.Summary)
	for _, line := range w.Cause.Detail {
		fmt.Fprintln(out, "  "+line)
	}
	if w.Cause.Next != "" {
		fmt.Fprintln(out, "Next: "+w.Cause.Next)
	}
	entries := w.Timeline
	if len(entries) == 0 {
		return
	}
	fmt.Fprintln(out)
	if left := len(entries) - shownEntries; left > 0 && !all {
		fmt.Fprintf(out, "(%d earlier entries; to see them: --all)\n", left)
		entries = entries[left:]
	}
	day := ""
	for _, e := range entries {
		at := e.Time.Local()
		if today := at.Format(time.DateOnly); today != day {
			day = today
			fmt.Fprintln(out, day)
		}
		mark := " "
		if e.Warning {
			mark = "!"
		}
		fmt.Fprintln(out, strings.TrimRight(fmt.Sprintf("%s %s%-9s  %s", at.Format(time.TimeOnly), mark, e.Kind, e.Text), " "))
	}
}
