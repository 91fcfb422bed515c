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

// VMReport is a LimaVM as `rdd status` and `rdd limavm list` show it.
type VMReport struct {
	Namespace string        `json:"namespace"`
	Name      string        `json:"name"`
	Wanted    string        `json:"wanted"`
	State     explain.State `json:"state"`
	SSHPort   int32         `json:"sshPort,omitempty"`
	// Accelerator in use, and why it is this one.
	Accelerator       string `json:"accelerator,omitempty"`
	AcceleratorReason string `json:"acceleratorReason,omitempty"`
	BootID            string `json:"bootID,omitempty"`
	Restarts          int64  `json:"starts,omitempty"`
	RestartNeeded     bool   `json:"restartNeeded,omitempty"`
	// Failure is what failed last and has not been cured since; absent when there is none.
	Failure *limav1.Failure `json:"failure,omitempty"`
	// Deaths of late; absent when there were none.
	Deaths       *explain.Deaths      `json:"deaths,omitempty"`
	PortForwards []limav1.PortForward `json:"portForwards,omitempty"`
}

// WantedText says in a participle what spec.running asks for.
func WantedText(running bool) string {
	if running {
		return "running"
	}
	return "stopped"
}

// ReportVM describes a LimaVM by its status and its Events, which are in order of time.
func ReportVM(s *session.Session, limaVM limav1.LimaVM, events []explain.Event, now time.Time) VMReport {
	status := limaVM.Status
	return VMReport{
		Namespace: limaVM.Namespace, Name: limaVM.Name, Wanted: WantedText(limaVM.Spec.Running),
		State: explain.Machine(&limaVM, events), Failure: status.Failure, Deaths: explain.LastDeaths(events, now),
		SSHPort: status.SSHLocalPort, Accelerator: status.Accelerator, AcceleratorReason: acceleratorReason(s, status.Accelerator),
		BootID: status.BootID, Restarts: status.RestartCount, RestartNeeded: status.RestartNeeded, PortForwards: status.PortForwards,
	}
}

// acceleratorReason is empty where the engine does not say why.
func acceleratorReason(s *session.Session, accelerator string) string {
	reporter, err := session.Ability[vm.AcceleratorReporter](s, "explain its accelerator")
	if err != nil {
		return ""
	}
	return reporter.AcceleratorReason(accelerator)
}

// Text is what the virtual machine is doing, on one line.
func (v *VMReport) Text(now time.Time) string {
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

// PortText is a way into the guest, or why there is none.
func PortText(p limav1.PortForward) string {
	protocol := ""
	if p.Protocol != "tcp" && p.Protocol != "unix" {
		protocol = " (" + p.Protocol + ")"
	}
	if p.Error != "" {
		return fmt.Sprintf("%s%s does not lead to %s in the guest: %s", p.Host, protocol, p.Guest, p.Error)
	}
	return fmt.Sprintf("%s%s leads to %s in the guest", p.Host, protocol, p.Guest)
}
