// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
)

// rowFunc writes a row of a table: its name and what there is to say.
type rowFunc func(name, format string, args ...any)

// table writes the report for people.
func (s *statusReport) table(w io.Writer, now time.Time) {
	row := func(name, format string, args ...any) { fmt.Fprintf(w, name+"\t"+format+"\n", args...) }
	s.daemonRows(row, now)
	if s.VM != nil {
		row("VM", "%s/%s %s", s.VM.Namespace, s.VM.Name, s.VM.text(now))
		s.VM.details(row)
	}
	if s.Engine != nil {
		row("Engine", "%s", s.Engine.text(now))
	}
	if s.Docker != nil {
		row("Docker", "unix://%s %s", s.Docker.Socket, map[bool]string{true: "answers", false: "does not answer"}[s.Docker.Answers])
	}
	for _, t := range s.Host {
		row("Host", "%s: %s", t.Name, t.Remark())
	}
	for _, other := range s.OtherVMs {
		row("Other VM", "%s/%s %s", other.Namespace, other.Name, other.text(now))
		for _, p := range other.PortForwards {
			row("  port", "%s", portText(p))
		}
	}
	for _, u := range s.Unclaimed {
		row("Unclaimed", "%s", u.text())
	}
}

func (s *statusReport) daemonRows(row rowFunc, now time.Time) {
	if s.Daemon == nil {
		row("Daemon", "instance %s does not exist; to make it: rdd start", s.Instance)
		return
	}
	row("Daemon", "running for %s (pid %d, port %d, version %s, instance %s)",
		duration.HumanDuration(now.Sub(s.Daemon.Started.Time)), s.Daemon.PID, s.Daemon.Port, s.Daemon.Version, s.Instance)
	switch {
	case s.App == nil:
		row("App", "does not exist; to make it: rdd start")
	case s.App.Settled:
		row("App", "%s, as wanted", s.App.Wanted)
	default:
		row("App", "wanted %s; %s", s.App.Wanted, s.App.State.Text(now))
		row("", "what is in the way: rdd why")
	}
}

// text is what the virtual machine is doing, on one line.
func (v *vmReport) text(now time.Time) string {
	state := v.State
	if v.Deaths != nil && v.Deaths.Explains(state) {
		state.Message = "" // said below
	}
	text := state.Text(now)
	if v.RestartNeeded {
		text += "; to be restarted"
	}
	if v.Deaths != nil {
		text += "; " + v.Deaths.Text(now)
	}
	return text
}

func (v *vmReport) details(row rowFunc) {
	if v.SSHPort != 0 {
		row("SSH", "127.0.0.1:%d (rdd shell)", v.SSHPort)
	}
	if v.Accelerator != "" {
		row("Accelerator", "%s", v.accelerator())
	}
	if v.Restarts > 1 {
		row("Starts", "%d", v.Restarts)
	}
	for _, p := range v.PortForwards {
		row("Port", "%s", portText(p))
	}
}

func (e *engineReport) text(now time.Time) string {
	if e.Ready {
		return strings.TrimSpace(e.Name+" "+e.Version) + " runs containers"
	}
	return e.Name + " " + e.State.Text(now)
}

func (v *vmReport) accelerator() string {
	if v.AcceleratorReason == "" {
		return v.Accelerator
	}
	return v.Accelerator + ": " + v.AcceleratorReason
}

// portText is a way into the guest, or why there is none.
func portText(p limav1.PortForward) string {
	protocol := ""
	if p.Protocol != "tcp" && p.Protocol != "unix" {
		protocol = " (" + p.Protocol + ")"
	}
	if p.Error != "" {
		return fmt.Sprintf("%s%s does not lead to %s in the guest: %s", p.Host, protocol, p.Guest, p.Error)
	}
	return fmt.Sprintf("%s%s leads to %s in the guest", p.Host, protocol, p.Guest)
}
