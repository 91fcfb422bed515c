// SPDX-License-Identifier: Apache-2.0

package app

import (
	"fmt"
	"io"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	"rancherdesktop.io/rdd/internal/cli/resource"
)

// rowFunc writes a row of a table: its name and its text.
type rowFunc func(name, format string, args ...any)

// table writes the report for people.
func (s *statusReport) table(w io.Writer, now time.Time) {
	row := func(name, format string, args ...any) { fmt.Fprintf(w, name+"\t"+format+"\n", args...) }
	s.daemonRows(row, now)
	if s.VM != nil {
		row("VM", "%s/%s %s", s.VM.Namespace, s.VM.Name, s.VM.Text(now))
		vmRows(row, s.VM)
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
		row("Other VM", "%s/%s %s", other.Namespace, other.Name, other.Text(now))
		for _, p := range other.PortForwards {
			row("  port", "%s", resource.PortText(p))
		}
	}
	for _, u := range s.Unclaimed {
		row("Unclaimed", "%s", u.Text())
	}
}

func (s *statusReport) daemonRows(row rowFunc, now time.Time) {
	if s.Daemon == nil {
		row("Daemon", "instance %s does not exist; to make it: rdd start", s.Instance)
		return
	}
	row("Daemon", "running for %s (pid %d, port %d, version %s, instance %s)",
		duration.HumanDuration(now.Sub(s.Daemon.Started.Time)), s.Daemon.PID, s.Daemon.Port, s.Daemon.Version, s.Instance)
	s.storeRows(row)
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

// storeRows says what is wrong with the store.
func (s *statusReport) storeRows(row rowFunc) {
	if s.Store == nil {
		return
	}
	switch problem := s.Store.Problem(); {
	case s.Store.Full():
		row("Store", "full, nothing new can be made: %s", problem)
	case problem != "":
		row("Store", "fails: %s", problem)
	}
	if bad := s.Store.BadText(); bad != "" {
		row("Store", "has objects that cannot be read: %s; to see all: rdd service repair --list", bad)
	}
}

func vmRows(row rowFunc, v *resource.VMReport) {
	if v.SSHPort != 0 {
		row("SSH", "127.0.0.1:%d (rdd shell)", v.SSHPort)
	}
	if v.Accelerator != "" {
		row("Accelerator", "%s", acceleratorText(v))
	}
	if v.Restarts > 1 {
		row("Starts", "%d", v.Restarts)
	}
	for _, u := range v.FailedUnits {
		row("Unit", "%s", resource.UnitText(u))
	}
	for _, p := range v.PortForwards {
		row("Port", "%s", resource.PortText(p))
	}
}

func (e *engineReport) text(now time.Time) string {
	if e.Ready {
		return strings.TrimSpace(e.Name+" "+e.Version) + " runs containers"
	}
	return e.Name + " " + e.State.Text(now)
}

func acceleratorText(v *resource.VMReport) string {
	if v.AcceleratorReason == "" {
		return v.Accelerator
	}
	return v.Accelerator + ": " + v.AcceleratorReason
}
