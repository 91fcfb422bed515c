// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"
	"runtime"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/client"
	"rancherdesktop.io/rdd/internal/version"
)

// versionReport is what `rdd version` prints; the JSON keys are an interface for scripts.
type versionReport struct {
	// Client is the version of this program, and ClientBuild what it was built from.
	Client      string        `json:"client"`
	ClientBuild version.Build `json:"clientBuild"`
	// Daemon and DaemonBuild are those of the running daemon; absent when none runs.
	Daemon      string         `json:"daemon,omitempty"`
	DaemonBuild *version.Build `json:"daemonBuild,omitempty"`

	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func versionCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "version",
		Short:             "Show the versions of rdd and of the running daemon",
		Long:              "Version prints the release or the commit of this rdd, and below it more, and what the running daemon is.",
		Example:           "  rdd version\n  rdd version -o json\n  rdd --version=raw",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	output := session.AddOutput(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		report := versionReport{
			Client: s.Build.Version, ClientBuild: s.Build, Go: runtime.Version(), Platform: platform(),
		}
		inst, err := s.Instance()
		if err != nil {
			return err
		}
		state, record, err := client.Find(inst)
		if err != nil {
			return err
		}
		if state == client.Running {
			report.Daemon, report.DaemonBuild = record.Build.Version, &record.Build
		}
		return output.Print(s.Out, report, report.table)
	}
	return cmd
}

// versionText is what `rdd --version` prints: the release or the commit. The long form, raw, has
// the rest of what is known of the build below.
func versionText(b version.Build, raw bool) string {
	text := b.Source() + "\n"
	if !raw {
		return text
	}
	lines := [][2]string{{"version", b.Version}, {"revision", b.Revision}}
	if !b.Committed.IsZero() {
		lines = append(lines, [2]string{"committed", b.Committed.UTC().Format(time.RFC3339)})
	}
	lines = append(lines, [2]string{"modified", strconv.FormatBool(b.Modified)})
	if !b.Linked.IsZero() {
		lines = append(lines, [2]string{"linked", b.Linked.UTC().Format(time.RFC3339)})
	}
	lines = append(lines, [2]string{"fingerprint", b.Fingerprint}, [2]string{"go", runtime.Version()}, [2]string{"platform", platform()})
	for _, line := range lines {
		if line[1] != "" {
			text += line[0] + ": " + line[1] + "\n"
		}
	}
	return text
}

func platform() string { return runtime.GOOS + "/" + runtime.GOARCH }

func (v versionReport) table(w io.Writer) {
	daemon := "not running"
	if v.DaemonBuild != nil {
		daemon = v.DaemonBuild.Text()
	}
	fmt.Fprintln(w, v.ClientBuild.Source())
	fmt.Fprintf(w, "rdd\t%s\ndaemon\t%s\nplatform\t%s (%s)\n", v.ClientBuild.Text(), daemon, v.Platform, v.Go)
}
