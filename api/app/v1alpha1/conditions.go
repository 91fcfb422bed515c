// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Condition types of an App. Each has one writer.
const (
	// ConditionCreated and ConditionRunning are mirrored from the LimaVM by the App controller.
	ConditionCreated = "Created"
	ConditionRunning = "Running"
	// ConditionContainerEngineReady says whether containers can be run. The container engine
	// controller writes it.
	ConditionContainerEngineReady = "ContainerEngineReady"
	// ConditionSettled says whether everything that the spec asks for has been reached. The App
	// controller writes it.
	ConditionSettled = "Settled"
)

// Reasons of ConditionSettled. A reason of the LimaVM or of the container engine that ends with
// Failed is passed on as it is.
const (
	// ReasonSettled is the reason when the status is True.
	ReasonSettled = "Settled"
	// ReasonWaitingForLimaVM means that the LimaVM is not what the spec asks for yet.
	ReasonWaitingForLimaVM = "WaitingForLimaVM"
	// ReasonApplyingTemplate means that the LimaVM's template was changed, and is not in force yet.
	ReasonApplyingTemplate = "ApplyingTemplate"
	// ReasonWaitingForEngine means that the machine runs, and that no container could be run in it
	// yet.
	ReasonWaitingForEngine = "WaitingForEngine"
	// ReasonEngineStale means that the last smoke test was of an earlier start of the machine, of
	// another container engine, or of an earlier generation.
	ReasonEngineStale = "EngineStale"
	// ReasonForeignObject means that an object that the App does not own has a name that it needs.
	ReasonForeignObject = "ForeignObject"
	// ReasonBootstrapFailed means that an object of the App could not be created or changed.
	ReasonBootstrapFailed = "BootstrapFailed"
	// ReasonDeleting means that the App is being deleted.
	ReasonDeleting = "Deleting"
	// ReasonRetrying means that an error is being retried; the message has it.
	ReasonRetrying = "Retrying"
)

// Reasons of ConditionContainerEngineReady.
const (
	// ReasonConnected means that a container was run in this start of the machine, and that the
	// container engine has not been lost since.
	ReasonConnected = "Connected"
	// ReasonConnecting means that the machine runs, and that the first smoke test is going on.
	ReasonConnecting = "Connecting"
	// ReasonConnectFailed means that the container engine does not answer or cannot run a container.
	// It is tried again.
	ReasonConnectFailed = "ConnectFailed"
	// ReasonStopped means that the machine does not run.
	ReasonStopped = "Stopped"
)

// Failed reports whether a reason means that somebody may have to act. It is for all conditions
// that are not mirrored from the LimaVM.
func Failed(reason string) bool {
	switch reason {
	case ReasonForeignObject, ReasonBootstrapFailed, ReasonConnectFailed:
		return true
	default:
		return false
	}
}

// Names of the objects that the App owns.
const (
	// LimaVMName is the name of the LimaVM and of the input ConfigMap.
	LimaVMName = "rd"
	// TemplateKey is the ConfigMap key that holds a Lima template.
	TemplateKey = "template"
)

// Finalizers of rdd.
const (
	// FinalizerCleanup is the App's own: its controller cleans up before the App is removed.
	FinalizerCleanup = "rdd.rancherdesktop.io/cleanup"
	// FinalizerOwnedByApp is on the objects that the App owns: nobody else may delete them.
	FinalizerOwnedByApp = "rdd.rancherdesktop.io/owned-by-App"
)
