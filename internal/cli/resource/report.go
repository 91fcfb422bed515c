// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"fmt"
	"time"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/cli/why/explain"
	"rancherdesktop.io/rdd/internal/vm"
)

// VMReport is a LimaVM as `rdd status` and `rdd limavm list` show it. The JSON keys are an
// interface for scripts.
type VMReport struct {
	Namespace string        `json:"namespace"`
	Name      string        `json:"name"`
	Wanted    string        `json:"wanted"`
	State     explain.State `json:"state"`
	SSHPort   int32         `json:"sshPort,omitempty"`
	// Accelerator in use, and why the engine chose it.
	Accelerator       string `json:"accelerator,omitempty"`
	AcceleratorReason string `json:"acceleratorReason,omitempty"`
	BootID            string `json:"bootID,omitempty"`
	Restarts          int64  `json:"starts,omitempty"`
	RestartNeeded     bool   `json:"restartNeeded,omitempty"`
	// Failure is what failed last and has not succeeded since; absent when there is none.
	Failure *limav1.Failure `json:"failure,omitempty"`
	// UnexpectedExits are the recent ones; absent when there were none.
	UnexpectedExits *explain.UnexpectedExits `json:"deaths,omitempty"`
	PortForwards    []limav1.PortForward     `json:"portForwards,omitempty"`
	FailedUnits     []limav1.FailedUnit      `json:"failedUnits,omitempty"`
}

// UnitText returns what a unit of the guest does that fails, on one line.
func UnitText(u limav1.FailedUnit) string {
	text := u.Name + " fails in the guest"
	if u.Reason != "" {
		text += ": " + u.Reason
	}
	return text
}

// WantedText returns "running" or "stopped" for spec.running.
func WantedText(running bool) string {
	if running {
		return "running"
	}
	return "stopped"
}

// ReportVM describes a LimaVM by its status and its Events. events must be in order of time.
func ReportVM(s *session.Session, limaVM limav1.LimaVM, events []explain.Event, now time.Time) VMReport {
	status := limaVM.Status
	return VMReport{
		Namespace: limaVM.Namespace, Name: limaVM.Name, Wanted: WantedText(limaVM.Spec.Running),
		State: explain.VMState(&limaVM, events), Failure: status.Failure, UnexpectedExits: explain.RecentExits(events, now),
		SSHPort: status.SSHLocalPort, Accelerator: status.Accelerator, AcceleratorReason: acceleratorReason(s, limaVM),
		BootID: status.BootID, Restarts: status.RestartCount, RestartNeeded: status.RestartNeeded, PortForwards: status.PortForwards,
		FailedUnits: status.FailedUnits,
	}
}

// acceleratorReason is why the engine chose the accelerator; empty where it does not say that.
func acceleratorReason(s *session.Session, limaVM limav1.LimaVM) string {
	reporter, err := session.Ability[vm.AcceleratorReporter](s, "explain its accelerator")
	if err != nil {
		return ""
	}
	return reporter.AcceleratorReason(limaVM.Name, limaVM.Status.Accelerator)
}

// Text is what the virtual machine is doing, on one line. Times are given as the time until now.
func (v *VMReport) Text(now time.Time) string {
	state := v.State
	if v.UnexpectedExits != nil && v.UnexpectedExits.Explains(state) {
		state.Message = "" // it would be there twice
	}
	text := state.Text(now)
	if v.RestartNeeded {
		text += "; to be restarted"
	}
	if v.UnexpectedExits != nil {
		text += "; " + v.UnexpectedExits.Text(now)
	}
	return text
}

// PortText says on one line what a forwarded port leads to, or why it cannot be reached.
func PortText(p limav1.PortForward) string {
	protocol := ""
	if p.Protocol != "tcp" && p.Protocol != "unix" {
		protocol = " (" + p.Protocol + ")"
	}
	if p.Host == "" {
		return fmt.Sprintf("%s%s in the guest is not forwarded: %s", p.Guest, protocol, p.Error)
	}
	if p.Error != "" {
		return fmt.Sprintf("%s%s does not lead to %s in the guest: %s", p.Host, protocol, p.Guest, p.Error)
	}
	return fmt.Sprintf("%s%s leads to %s in the guest", p.Host, protocol, p.Guest)
}
