// SPDX-License-Identifier: Apache-2.0

// Package vm holds the types and the interface that controllers and engines share: what a virtual
// machine should be (Spec), what is observed of it (State), how an engine is driven (Engine) and
// how it fails (Fault, and the typed errors that carry one).
//
// An engine owns the instances below its LIMA_HOME. Every call is idempotent and fast: work that
// takes longer than a moment (building an image, booting, shutting down) goes on in the background,
// is reported as Phase and Progress in State, and wakes watchers when it moves on. An instance
// belongs to the Owner that created it; a call on behalf of anyone else fails with *NameTakenError
// and changes nothing.
//
// What an engine may be able to do besides is an optional interface beside Engine: see
// abilities.go.
//
// The package imports the standard library only. Package vmtest is the suite that every engine
// passes.
package vm

import (
	"context"
	"fmt"
	"time"
)

// Owner identifies the API object an instance belongs to. It is recorded in the
// instance directory, so ownership survives the daemon and its store.
type Owner struct {
	// UID is the object's metadata.uid: the only field that decides ownership.
	UID string `json:"uid"`
	// Namespace and Name are for messages.
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// Spec is what an instance should be.
type Spec struct {
	// Name is the instance's name on disk: a DNS label, unique in the LIMA_HOME.
	Name string
	// Owner is who the instance is made for.
	Owner Owner
	// Template is a validated Lima template (YAML).
	Template []byte
	// Params is merged into the template's `param:` map.
	Params map[string]string
	// Revision identifies Template and Params: the same text has the same
	// revision. Engines store and report it and do not interpret it.
	Revision string
	// Incarnation tells the machine from one of the same name and owner that a reset has deleted. An
	// engine stores it when it creates the instance and reports it. Apply does not change that of an
	// existing one.
	Incarnation string
	// AdoptFrom is the UID of a former owner, or empty. Apply makes an instance that still belongs to
	// it Owner's, and replaces its Incarnation.
	AdoptFrom string
}

// Phase is where an instance is in its life.
type Phase string

const (
	// PhaseCreating: the directory is claimed, its disk is being made in the background.
	PhaseCreating Phase = "Creating"
	// PhaseIncomplete: claimed, not finished, and nobody is working on it (a crash,
	// or a failed creation: see State.Failure). Apply carries on.
	PhaseIncomplete Phase = "Incomplete"
	// PhaseStopped: complete on disk, no process.
	PhaseStopped Phase = "Stopped"
	// PhaseStarting: a hostagent is booting the guest.
	PhaseStarting Phase = "Starting"
	// PhaseRunning: ssh answers, provisioning and required probes have passed.
	PhaseRunning Phase = "Running"
	// PhaseStopping: the guest is shutting down.
	PhaseStopping Phase = "Stopping"
	// PhaseDeleting: processes are being ended and the directory removed.
	PhaseDeleting Phase = "Deleting"
	// PhaseBroken: the directory cannot be read or used; State.Failure says why. Delete works on it,
	// unless it is Damaged.
	PhaseBroken Phase = "Broken"
)

// Progress describes background work for people.
type Progress struct {
	// Step is what is being done: "building image", "booting".
	Step string `json:"step,omitempty"`
	// Index of Total steps, from 1; both 0 when there is no such count.
	Index int `json:"index,omitempty"`
	Total int `json:"total,omitempty"`
	// Percent of the whole work, 0–100; -1 when unknown.
	Percent int `json:"percent"`
	// Detail of Percent for people: "210 of 500 MB, 12 MB/s". Empty where there is none.
	Detail string `json:"detail,omitempty"`
	// Since is when Step began.
	Since time.Time `json:"since"`
}

// Operation names the work a Failure belongs to.
type Operation string

// Operations of an engine.

const (
	OperationCreate Operation = "create"
	OperationStart  Operation = "start"
	OperationStop   Operation = "stop"
	OperationDelete Operation = "delete"
	// OperationRun: the machine ended by itself after it had been Running.
	OperationRun Operation = "run"
)

// Failure is how the last background work on an instance ended when it did not
// succeed. It is cleared when the same operation is begun again or succeeds.
type Failure struct {
	Operation Operation
	// Fault is what went wrong; never nil.
	Fault *Fault
	// At is when; zero when that is not known.
	At time.Time
}

// String says what failed and why.
func (f *Failure) String() string {
	if f == nil {
		return "none"
	}
	return fmt.Sprintf("%s: %v", f.Operation, f.Fault)
}

// State is what an engine observes of an instance. It is read from the world (files, locks,
// processes, sockets), never from what was last asked for, so it is right after a crash too.
type State struct {
	Name     string
	Owner    Owner
	Phase    Phase
	Progress Progress
	// Damaged: the directory is rdd's, and whose it is cannot be read any more. Owner is empty, and
	// Phase is PhaseBroken, or PhaseDeleting while it is set aside: see Salvager.
	Damaged bool
	// Revision of the Spec on disk; empty until complete, and when the files on disk are not those of
	// any one Spec: Apply writes them again.
	Revision string
	// RunningRevision of the Spec the processes were started with; empty when not running.
	RunningRevision string
	// Failure is that of the last operation; nil when it succeeded.
	Failure *Failure
	// Pause is why the guest of a machine that is up does not run; nil when it does.
	Pause *Pause
	// StartID differs for each start of the machine (adoption keeps it);
	// empty when there is none.
	StartID string
	// WasRunning: the machine has been Running since this start. Before, there is nothing in the guest
	// that a shutdown would save.
	WasRunning bool
	// BootID is the guest kernel's boot id; empty until known.
	BootID string
	// SSHPort on 127.0.0.1 forwarded to the guest's sshd; 0 when none.
	SSHPort int
	// Accelerator in use: "kvm", "hvf", "tcg"; empty when not running.
	Accelerator string
	// Incarnation of the Spec the instance was created from.
	Incarnation string
	// Message is the template's message for people once the machine runs; empty before.
	Message string
	// Forwards are the guest's ports and sockets that are reachable on the host now, and those
	// that should be and cannot; in the order of Host.
	Forwards []Forward
	// FailedUnits are services of the guest that it needs and that fail, by name; nil when there are
	// none, or when the engine does not know.
	FailedUnits []FailedUnit
}

// FailedUnit is a unit of the guest's systemd that has failed, or that fails whenever it is started
// again.
type FailedUnit struct {
	// Name of the unit: containerd.service.
	Name string `json:"name"`
	// Reason says why, as far as systemd knows: "exit code 1".
	Reason string `json:"reason,omitempty"`
}

// Forward is a way from the host into the guest.
type Forward struct {
	// Protocol is "tcp", "udp" or "unix".
	Protocol string `json:"protocol"`
	// Host and Guest are host:port, or the absolute path of a socket. Host is empty for a port that is
	// on an address of the guest's own, to which nothing leads.
	Host  string `json:"host"`
	Guest string `json:"guest"`
	// Error says why Host does not lead to Guest: "address already in use". Empty when it does.
	Error string `json:"error,omitempty"`
	// Reverse says that Guest should lead to Host, a socket of the host.
	Reverse bool `json:"reverse,omitempty"`
}

// StopMode says how a machine is ended.
type StopMode string

const (
	// StopShutdown asks the guest to power off and falls back to force after a deadline.
	StopShutdown StopMode = "Shutdown"
	// StopForce ends the machine at once.
	StopForce StopMode = "Force"
)

// Engine makes and runs virtual machines. Its methods may be called from any goroutine.
//
// Besides the errors named per method, any method may return *HostError when the host lacks
// something and ErrBusy when a conflicting operation is going on: a later call succeeds. FaultOf
// gives the kind of any error. Contexts bound the call only, never the background work it began.
// How that ended is State.Failure.
type Engine interface {
	// Observe reports an instance. ErrNotFound: there is none.
	Observe(ctx context.Context, name string) (State, error)
	// List reports every instance directory, whoever owns it.
	List(ctx context.Context) ([]State, error)
	// Apply makes the instance on disk what spec says. It claims the name and creates the instance in
	// the background, or writes a changed spec, which a running machine takes up at its next
	// start. *NameTakenError, *InvalidSpecError.
	Apply(ctx context.Context, spec Spec) error
	// Start begins to boot a stopped instance; a starting or running one is left as it is. A
	// running guest without its hostagent is adopted. A paused guest is resumed at once, if its pause
	// can be ended. ErrNotFound, ErrBusy (creating, stopping, deleting).
	Start(ctx context.Context, owner Owner, name string) error
	// Stop begins to end a machine; nil when it is stopped already. A starting
	// machine is stopped too; StopForce overtakes a shutdown. A paused guest is resumed to shut down,
	// and ended like by force when it cannot be. ErrNotFound.
	Stop(ctx context.Context, owner Owner, name string, mode StopMode) error
	// Delete begins to end the machine's processes and to remove its directory; nil while that goes on
	// and when there is nothing. It is deleted when Observe returns ErrNotFound. *NameTakenError: it
	// is another owner's and was not touched. *DamagedError: whose it is cannot be read, and it was
	// not touched.
	Delete(ctx context.Context, owner Owner, name string) error
	// Watch calls changed with an instance's name whenever its State may have changed, until ctx ends;
	// at the beginning once for each instance. Several changes may lead to one call. It returns at
	// once. Calls of changed are serial and must not block.
	Watch(ctx context.Context, changed func(name string)) error
}
