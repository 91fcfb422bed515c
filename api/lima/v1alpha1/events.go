// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Reasons of the Events on a LimaVM. Changes of the conditions are Events with the conditions'
// reasons: Starting, Started, Stopping, Stopped, StartFailed and StopFailed of Running, those of a
// paused guest (warnings), and Created, CreateFailed, NameTaken and InstanceLost of Created.
const (
	// EventCreating says that the instance is being created.
	EventCreating = "Creating"
	// EventAdopted says that the LimaVM has adopted an unclaimed instance directory.
	EventAdopted = "Adopted"
	// EventRenamed says that the LimaVM has got the machine of another one, which is deleted.
	EventRenamed = "Renamed"
	// EventInstanceLost (a warning) says that the instance directory does not exist any more.
	EventInstanceLost = ReasonInstanceLost
	// EventSetAside (a warning) says that the instance directory is too damaged to be deleted. It is
	// moved out of the way, and its disk is kept.
	EventSetAside = "SetAside"
	// EventMachineDied (a warning) says that the machine has ended by itself. The annotation
	// AnnotationCause has the cause.
	EventMachineDied = "MachineDied"
	// EventResumed says that a guest that was paused goes on.
	EventResumed = "Resumed"
	// EventRestarting says that a running machine is being restarted, because its template or params
	// were changed or on request.
	EventRestarting = "Restarting"
	// EventResetting says that the instance is being deleted for a reset. EventReset says that it was
	// created again.
	EventResetting = "Resetting"
	EventReset     = "Reset"
	// EventPortConflict (a warning) says that a port of the guest cannot be forwarded to the host.
	EventPortConflict = "PortConflict"
	// EventPortForwarded says that it is forwarded now.
	EventPortForwarded = "PortForwarded"
	// EventUnitFailed (a warning) says that a service fails that the guest needs. EventUnitRecovered
	// says that it does not any more.
	EventUnitFailed    = "UnitFailed"
	EventUnitRecovered = "UnitRecovered"
	// EventDeleting says that the LimaVM is being deleted, with its machine and the objects it owns.
	EventDeleting = "Deleting"
)

// AnnotationCause on an Event has the cause in its message as a value.
const AnnotationCause = "lima.rancherdesktop.io/cause"
