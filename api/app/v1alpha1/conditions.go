// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Condition types of an App. Each has one writer.
const (
	// ConditionCreated and ConditionRunning are mirrored from the LimaVM by the App controller.
	ConditionCreated = "Created"
	ConditionRunning = "Running"
	// ConditionContainerEngineReady says whether a container can be run. Written by the container
	// engine controller.
	ConditionContainerEngineReady = "ContainerEngineReady"
	// ConditionSettled says whether everything the spec asks for is so. Written by the App
	// controller.
	ConditionSettled = "Settled"
)

// Reasons of ConditionSettled. Besides these a blocker's own …Failed reason is passed on.
const (
	ReasonSettled          = "Settled"
	ReasonWaitingForLimaVM = "WaitingForLimaVM"
	ReasonApplyingTemplate = "ApplyingTemplate"
	// ReasonWaitingForEngine: the machine runs, and no container could be run in it yet.
	ReasonWaitingForEngine = "WaitingForEngine"
	// ReasonEngineStale: what is known of the container engine is from an earlier start of the
	// machine, or of another engine.
	ReasonEngineStale     = "EngineStale"
	ReasonForeignObject   = "ForeignObject"
	ReasonBootstrapFailed = "BootstrapFailed"
	ReasonDeleting        = "Deleting"
	// ReasonRetrying: an error that is tried again by itself; the message says which.
	ReasonRetrying = "Retrying"
)

// Reasons of ConditionContainerEngineReady.
const (
	// ReasonConnected: a container was run in this start of the machine, and the engine has
	// answered since.
	ReasonConnected = "Connected"
	// ReasonConnecting: the machine runs and the engine is being tried.
	ReasonConnecting = "Connecting"
	// ReasonConnectFailed: the engine does not answer, or cannot run a container; it is tried
	// again.
	ReasonConnectFailed = "ConnectFailed"
	// ReasonStopped: the machine does not run.
	ReasonStopped = "Stopped"
)

// Failed reports whether a reason, of any condition that is not mirrored from the LimaVM, says that
// something will not come true by itself soon.
func Failed(reason string) bool {
	switch reason {
	case ReasonForeignObject, ReasonBootstrapFailed, ReasonConnectFailed:
		return true
	default:
		return false
	}
}

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
