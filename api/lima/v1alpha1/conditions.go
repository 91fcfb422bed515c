// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Condition types of a LimaVM, written by the LimaVM controller.
const (
	ConditionCreated = "Created"
	ConditionRunning = "Running"
)

// Reasons of ConditionCreated.
const (
	// ReasonPending (Unknown): the instance is being made.
	ReasonPending = "Pending"
	// ReasonCreated (True): the instance is complete on disk.
	ReasonCreated = "Created"
	// ReasonCreateFailed (False): the message names source and field.
	ReasonCreateFailed = "CreateFailed"
	// ReasonNameTaken (False): the instance directory belongs to someone else.
	ReasonNameTaken = "NameTaken"
)

// Reasons of ConditionRunning.
const (
	// ReasonReconciling (Unknown): not observed yet.
	ReasonReconciling = "Reconciling"
	ReasonStarting    = "Starting"
	ReasonStarted     = "Started"
	ReasonStopping    = "Stopping"
	ReasonStopped     = "Stopped"
	ReasonStartFailed = "StartFailed"
	ReasonStopFailed  = "StopFailed"
)

// Failed reports whether a reason, of either condition, says that something will not come true by
// itself soon.
func Failed(reason string) bool {
	switch reason {
	case ReasonCreateFailed, ReasonNameTaken, ReasonStartFailed, ReasonStopFailed:
		return true
	default:
		return false
	}
}

// CauseInvalidTemplate is the type of the cause in the answer to a request that was refused because
// a template is not valid.
const CauseInvalidTemplate metav1.CauseType = "InvalidTemplate"

// FieldTemplateRef is the field of Failure when the ConfigMap that the template is in is what is
// wrong, and not the template.
const FieldTemplateRef = "spec.templateRef"

const (
	// FinalizerCleanup is the LimaVM's own: its controller removes the instance before it
	// disappears.
	FinalizerCleanup = "rdd.rancherdesktop.io/cleanup"
	// FinalizerOwnedByLimaVM is put on the template ConfigMap: nobody else may delete it.
	FinalizerOwnedByLimaVM = "rdd.rancherdesktop.io/owned-by-LimaVM"
	// LabelTemplateConfigMap ("true") marks a LimaVM's own template ConfigMap.
	LabelTemplateConfigMap = "lima.rancherdesktop.io/template-configmap"
	// AnnotationRestartRequested asks for one restart per new value.
	AnnotationRestartRequested = "lima.rancherdesktop.io/restartRequested"
	// AnnotationResetRequested asks for one reset per new value.
	AnnotationResetRequested = "lima.rancherdesktop.io/resetRequested"
	// AnnotationForceStop on a LimaVM that is to stop ends the machine at once instead of
	// waiting for the guest to shut down. It is removed when the machine has stopped.
	AnnotationForceStop = "lima.rancherdesktop.io/forceStop"
	// AnnotationAdoptFrom names the UID of a LimaVM that is no more: the instance directory it left
	// behind becomes the annotated LimaVM's.
	AnnotationAdoptFrom = "lima.rancherdesktop.io/adoptFrom"
	// AnnotationRetryRequested (a time, RFC 3339 with nanoseconds) asks to try again at once
	// what failed before that time, instead of at the next slow retry.
	AnnotationRetryRequested = "rdd.rancherdesktop.io/retryRequested"
	// LabelSourceOf on a source ConfigMap names the LimaVM it was made for; it is deleted with
	// that.
	LabelSourceOf = "lima.rancherdesktop.io/source-of"
	// TemplateKey is the ConfigMap key that holds a Lima template.
	TemplateKey = "template"
	// TemplateSuffix makes the name of a LimaVM's own template ConfigMap from the LimaVM's.
	TemplateSuffix = "-template"
)
