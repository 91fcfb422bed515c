// SPDX-License-Identifier: Apache-2.0

package vm

import "time"

// PauseReason says why a guest is paused: one word, which is the reason of a condition.
type PauseReason string

const (
	// PauseDiskFull: the host's file system has no room for what the guest writes.
	PauseDiskFull PauseReason = "HostDiskFull"
	// PauseQuota: the user's quota on the host's file system is used up.
	PauseQuota PauseReason = "HostQuotaExceeded"
	// PauseDiskFailed: the host cannot write the guest's disk for another reason.
	PauseDiskFailed PauseReason = "HostDiskFailed"
	// PauseRequested: somebody has paused the guest, through QEMU's monitor or the debugger that QEMU
	// serves. One that is attached to QEMU's process itself is not noticed.
	PauseRequested PauseReason = "Paused"
	// PauseSuspended: the guest has suspended itself to memory.
	PauseSuspended PauseReason = "GuestSuspended"
	// PauseProcess: the process that runs the guest was stopped by a signal.
	PauseProcess PauseReason = "ProcessStopped"
)

// PauseReasons lists all reasons.
func PauseReasons() []PauseReason {
	return []PauseReason{PauseDiskFull, PauseQuota, PauseDiskFailed, PauseRequested, PauseSuspended, PauseProcess}
}

// NeedsSomebody reports whether somebody has to act before the guest goes on. Otherwise the engine
// is about to resume it.
func (r PauseReason) NeedsSomebody() bool { return r != PauseSuspended }

// Pause says why a guest does not run although its machine is up.
type Pause struct {
	Reason PauseReason `json:"reason"`
	// Path is the file of the host that cannot be written; empty where it is not about one.
	Path string `json:"path,omitempty"`
	// Missing is how many bytes must become free at Path before the guest goes on; 0 when that is not
	// known.
	Missing int64 `json:"missing,omitempty"`
	// Text is the message for people, and Hint what to do about it.
	Text string `json:"text"`
	Hint string `json:"hint,omitempty"`
	// Since is when the pause was first observed.
	Since time.Time `json:"since"`
}

// Fault returns the pause as a fault.
func (p *Pause) Fault() *Fault {
	f := &Fault{Kind: FaultUnknown, Hint: p.Hint, Text: p.Text}
	if p.Reason == PauseDiskFull || p.Reason == PauseQuota {
		f.Kind = FaultDiskFull
	}
	return f
}
