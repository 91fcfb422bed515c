// SPDX-License-Identifier: Apache-2.0

package service

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/client"
	"rancherdesktop.io/rdd/internal/daemon/offline"
	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/instance"
)

// statusReport is what `rdd service status` prints; the JSON keys are an interface for scripts.
type statusReport struct {
	Instance string `json:"instance"`
	Created  bool   `json:"created"`
	Running  bool   `json:"running"`
	PID      int    `json:"pid,omitempty"`
	Port     int    `json:"port,omitempty"`
	// Version of the running daemon, ClientVersion of this program.
	Version       string     `json:"version,omitempty"`
	ClientVersion string     `json:"clientVersion"`
	Started       *time.Time `json:"started,omitempty"`
	UptimeSeconds int64      `json:"uptimeSeconds,omitempty"`
	// LastBackup is when the store was last backed up.
	LastBackup *time.Time `json:"lastBackup,omitempty"`
	changing   bool
	// movedFrom is the default port, where that was in use when the daemon started; 0 otherwise.
	movedFrom int
	// controlPlane is its name.
	controlPlane string
}

func statusCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show whether the daemon runs, its process, port, version and uptime",
		Long: `Status shows how the control plane is. It starts nothing. The first two lines, for scripts, say whether it
has been created and started; -o json says the same as data.`,
		Example:           "  rdd service status\n  rdd service status -o json",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	output := session.AddOutput(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		inst, err := s.Instance()
		if err != nil {
			return err
		}
		report, err := gatherStatus(s, inst)
		if err != nil {
			return err
		}
		return output.Print(s.Out, report, report.table)
	}
	return cmd
}

func gatherStatus(s *session.Session, inst instance.Instance) (statusReport, error) {
	report := statusReport{Instance: inst.Name, ClientVersion: s.Build.Version, controlPlane: inst.ControlPlane()}
	var err error
	if report.Created, err = presence.Exists(inst); err != nil {
		return report, err
	}
	state, record, err := client.Find(inst)
	if err != nil {
		return report, err
	}
	report.changing = state == client.Changing
	backups, err := offline.Backups(inst)
	if err != nil {
		return report, err
	}
	if len(backups) > 0 {
		report.LastBackup = &backups[0].Taken
	}
	if state == client.Running {
		report.Running, report.PID, report.Port, report.Version = true, record.Process.PID, record.Port, record.Build.Version
		report.Started, report.movedFrom = &record.Started, record.MovedFrom(inst)
		report.UptimeSeconds = int64(time.Since(record.Started).Seconds())
	}
	return report, nil
}

func (s statusReport) table(w io.Writer) {
	fmt.Fprintf(w, "%q control plane has been created: %t\n", s.controlPlane, s.Created)
	fmt.Fprintf(w, "%q control plane has been started: %t\n", s.controlPlane, s.Running)
	fmt.Fprintf(w, "instance\t%s\n", s.Instance)
	switch {
	case s.Running:
		fmt.Fprintf(w, "daemon\trunning for %s, process %d\n", time.Duration(s.UptimeSeconds)*time.Second, s.PID)
		moved := ""
		if s.movedFrom != 0 {
			moved = fmt.Sprintf(" (port %d was in use)", s.movedFrom)
		}
		fmt.Fprintf(w, "address\thttps://127.0.0.1:%d%s\n", s.Port, moved)
		fmt.Fprintf(w, "version\t%s (rdd: %s)\n", s.Version, s.ClientVersion)
	case s.changing:
		fmt.Fprintln(w, "daemon\tstarting or stopping")
	case s.Created:
		fmt.Fprintln(w, "daemon\tnot running (to start it: rdd service start)")
	default:
		fmt.Fprintln(w, "daemon\tnot created (to create and start it: rdd service start)")
	}
	if s.LastBackup != nil {
		fmt.Fprintf(w, "backup\tof %s (to go back to it: rdd service restore)\n", s.LastBackup.Local().Format(time.DateTime))
	}
}
