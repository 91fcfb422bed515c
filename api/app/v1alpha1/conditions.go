// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Condition types of an App. Each has one writer.
const (
	// ConditionCreated and ConditionRunning are mirrored from the LimaVM by the App controller.
	ConditionCreated = "Created"
	ConditionRunning = "Running"
	// ConditionSettled says whether everything the spec asks for is so. Written by the App controller.
	ConditionSettled = "Settled"
)

// Reasons of ConditionSettled. Besides these a blocker's own …Failed reason is passed on.
const (
	ReasonSettled          = "Settled"
	ReasonWaitingForLimaVM = "WaitingForLimaVM"
	ReasonApplyingTemplate = "ApplyingTemplate"
	ReasonForeignObject    = "ForeignObject"
	ReasonBootstrapFailed  = "BootstrapFailed"
	ReasonDeleting         = "Deleting"
	// ReasonRetrying: an error that is tried again by itself; the message says which.
	ReasonRetrying = "Retrying"
)

// Names that the App controller gives to what it owns.
const (
	// LimaVMName is the name of the LimaVM and of the input ConfigMap.
	LimaVMName = "rd"
	// TemplateKey is the ConfigMap key that holds a Lima template.
	TemplateKey = "template"
)

// Finalizers of rdd.
const (
	// FinalizerCleanup is a resource's own: its controller cleans up before it disappears.
	FinalizerCleanup = "rdd.rancherdesktop.io/cleanup"
	// FinalizerOwnedByApp is put on a child by the App: nobody else may delete the child.
	FinalizerOwnedByApp = "rdd.rancherdesktop.io/owned-by-App"
)
