// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Reasons of the Events on a LimaVM. A change of the condition Running writes one whose reason is
// the condition's: Starting, Started, Stopping, Stopped, StartFailed, StopFailed. So do Created,
// CreateFailed and NameTaken of the condition Created.
const (
	// EventCreating: the instance is being made.
	EventCreating = "Creating"
	// EventAdopted: an instance directory that another LimaVM left behind has become this one's.
	EventAdopted = "Adopted"
	// EventInstanceLost (warning): the instance directory has vanished.
	EventInstanceLost = "InstanceLost"
	// EventMachineDied (warning): the machine ended by itself; the annotation cause says why.
	EventMachineDied = "MachineDied"
	// EventRestarting: a running machine restarts because its template or its params were changed,
	// or on request.
	EventRestarting = "Restarting"
	// EventResetting and EventReset: the instance is deleted on request, and has been made anew.
	EventResetting = "Resetting"
	EventReset     = "Reset"
	// EventPortConflict (warning): a port of the guest should be reachable on the host and cannot
	// be.
	EventPortConflict = "PortConflict"
	// EventPortForwarded: it can be now.
	EventPortForwarded = "PortForwarded"
	// EventDeleting: the LimaVM was deleted; its machine and what belongs to it are being removed.
	EventDeleting = "Deleting"
)

// AnnotationCause on an Event is the cause of what it tells of, without the sentence around it.
const AnnotationCause = "lima.rancherdesktop.io/cause"
