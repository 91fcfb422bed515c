// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Condition types of a LimaVM, written by the LimaVM controller.
const (
	// ConditionCreated says whether the instance exists on disk as the template says.
	ConditionCreated = "Created"
	// ConditionRunning says whether the machine runs.
	ConditionRunning = "Running"
)

// Reasons of ConditionCreated, with the status in which they are used.
const (
	// ReasonPending (Unknown) means that the instance is being created.
	ReasonPending = "Pending"
	// ReasonCreated (True) means that the instance is complete on disk.
	ReasonCreated = "Created"
	// ReasonCreateFailed (False) means that the instance cannot be created or changed as the template
	// says. For an invalid template the message names ConfigMap and field.
	ReasonCreateFailed = "CreateFailed"
	// ReasonNameTaken (False) means that the instance directory belongs to another LimaVM.
	ReasonNameTaken = "NameTaken"
	// ReasonInstanceLost (False) means that the instance directory has vanished, or its volume. It is
	// not made anew unless a reset is requested.
	ReasonInstanceLost = "InstanceLost"
)

// Reasons of ConditionRunning, with the status in which they are used.
const (
	// ReasonReconciling (Unknown) means that there is no complete instance, or that it was not
	// observed yet.
	ReasonReconciling = "Reconciling"
	// ReasonStarting (False) means that the machine is being started, or waits for a restart.
	ReasonStarting = "Starting"
	// ReasonStarted (True) means that the machine runs.
	ReasonStarted = "Started"
	// ReasonStopping (False) means that the machine is being stopped.
	ReasonStopping = "Stopping"
	// ReasonStopped (False) means that the machine is down.
	ReasonStopped = "Stopped"
	// ReasonStartFailed (False) means that the machine could not be started.
	ReasonStartFailed = "StartFailed"
	// ReasonStopFailed (False) means that the machine could not be stopped or deleted.
	ReasonStopFailed = "StopFailed"
)

// Reasons of ConditionRunning (False) for a machine that is up and whose guest is paused. It keeps
// its memory, and goes on where it was.
const (
	// ReasonHostDiskFull means that the host's file system has no room for what the guest writes. The
	// guest goes on by itself when there is room.
	ReasonHostDiskFull = "HostDiskFull"
	// ReasonHostQuotaExceeded means the same for the user's disk quota on the host.
	ReasonHostQuotaExceeded = "HostQuotaExceeded"
	// ReasonHostDiskFailed means that the host cannot write the guest's disk for another reason. The
	// guest goes on by itself when it can.
	ReasonHostDiskFailed = "HostDiskFailed"
	// ReasonPaused means that somebody has paused the guest behind rdd's back. A retry request
	// resumes it.
	ReasonPaused = "Paused"
	// ReasonGuestSuspended means that the guest has suspended itself, and is being woken.
	ReasonGuestSuspended = "GuestSuspended"
	// ReasonProcessStopped means that a signal has stopped the guest's process. A retry request
	// lets it go on.
	ReasonProcessStopped = "ProcessStopped"
)

// Paused reports whether a reason of ConditionRunning means that the guest is paused.
func Paused(reason string) bool {
	switch reason {
	case ReasonHostDiskFull, ReasonHostQuotaExceeded, ReasonHostDiskFailed, ReasonPaused, ReasonGuestSuspended, ReasonProcessStopped:
		return true
	default:
		return false
	}
}

// Failed reports whether a reason, of either condition, means that somebody may have to act.
func Failed(reason string) bool {
	switch reason {
	case ReasonCreateFailed, ReasonNameTaken, ReasonInstanceLost, ReasonStartFailed, ReasonStopFailed:
		return true
	default:
		return Paused(reason) && reason != ReasonGuestSuspended // which ends by itself
	}
}

// CauseInvalidTemplate is the type of a cause in the error of a request that was refused because of
// an invalid template.
const CauseInvalidTemplate metav1.CauseType = "InvalidTemplate"

// FieldTemplateRef is Failure.Field when the failure is about the template's ConfigMap, and not
// about the template.
const FieldTemplateRef = "spec.templateRef"

// Finalizers, labels, annotations and names.
const (
	// FinalizerCleanup is the LimaVM's own: its controller deletes the instance before the LimaVM is
	// removed.
	FinalizerCleanup = "rdd.rancherdesktop.io/cleanup"
	// FinalizerOwnedByLimaVM is on the template ConfigMap: nobody else may delete it.
	FinalizerOwnedByLimaVM = "rdd.rancherdesktop.io/owned-by-LimaVM"
	// LabelTemplateConfigMap ("true") marks a LimaVM's own template ConfigMap.
	LabelTemplateConfigMap = "lima.rancherdesktop.io/template-configmap"
	// AnnotationRestartRequested asks for one restart for each new value. It is removed once the
	// request is in the status.
	AnnotationRestartRequested = "lima.rancherdesktop.io/restartRequested"
	// AnnotationResetRequested asks for one reset for each new value. It is removed once the request
	// is in the status.
	AnnotationResetRequested = "lima.rancherdesktop.io/resetRequested"
	// AnnotationForceStop on a LimaVM that should stop kills the machine at once, without waiting
	// for the guest to shut down. It is removed when the machine has stopped.
	AnnotationForceStop = "lima.rancherdesktop.io/forceStop"
	// AnnotationAdoptFrom has the UID of a LimaVM that does not exist any more. The annotated LimaVM
	// adopts its unclaimed instance directory. With AnnotationRenameFrom that LimaVM exists.
	AnnotationAdoptFrom = "lima.rancherdesktop.io/adoptFrom"
	// AnnotationRenameFrom on a LimaVM that is created has the name of another one in its namespace,
	// whose UID is in AnnotationAdoptFrom: the machine of that LimaVM, which must be stopped, gets the
	// new one's name, and that LimaVM is deleted. rdd removes both annotations when that is done. If
	// the new LimaVM is deleted before it has AnnotationRenamed, the machine keeps its former name.
	AnnotationRenameFrom = "lima.rancherdesktop.io/renameFrom"
	// AnnotationRenamed ("true") says that the machine is the new LimaVM's for good, and that the
	// former one is being deleted. rdd adds it, and removes it with AnnotationRenameFrom.
	AnnotationRenamed = "lima.rancherdesktop.io/renamed"
	// AnnotationRetryRequested asks, for each new value, for one immediate retry of what has failed.
	// rdd writes the time (RFC 3339 with nanoseconds). It is not removed.
	AnnotationRetryRequested = "rdd.rancherdesktop.io/retryRequested"
	// AnnotationProtected ("true") on a LimaVM makes the API server refuse its deletion and its reset.
	AnnotationProtected = "lima.rancherdesktop.io/protected"
	// AnnotationTemplateCopy holds the template while its ConfigMap, which has become immutable, is
	// deleted and made anew. rdd adds and removes it.
	AnnotationTemplateCopy = "lima.rancherdesktop.io/templateCopy"
	// LabelSourceOf on a source ConfigMap has the name of the LimaVM that it was created for. The
	// ConfigMap is deleted with that.
	LabelSourceOf = "lima.rancherdesktop.io/source-of"
	// TemplateKey is the ConfigMap key that holds a Lima template.
	TemplateKey = "template"
	// TemplateSuffix is appended to a LimaVM's name for the name of its own template ConfigMap.
	TemplateSuffix = "-template"
)

// RenamedFrom returns name and UID of the LimaVM whose machine a LimaVM was created for, until it
// has that; false when there is none.
func RenamedFrom(machine metav1.Object) (name, uid string, asked bool) {
	name, asked = machine.GetAnnotations()[AnnotationRenameFrom]
	return name, machine.GetAnnotations()[AnnotationAdoptFrom], asked
}

// Protected reports whether a LimaVM has AnnotationProtected.
func Protected(machine metav1.Object) bool {
	return machine.GetAnnotations()[AnnotationProtected] == "true"
}
