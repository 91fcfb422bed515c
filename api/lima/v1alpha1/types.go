// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TemplateReference names a ConfigMap that holds a Lima template under the key `template`.
type TemplateReference struct {
	// name of the ConfigMap.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// namespace of the ConfigMap; the LimaVM's own when absent.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// LimaVMSpec is what the virtual machine should be.
type LimaVMSpec struct {
	// templateRef names the source template. It is read until the LimaVM has made its own copy, and
	// cannot be changed.
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="spec.templateRef is immutable"
	TemplateRef TemplateReference `json:"templateRef"`

	// running says whether the virtual machine should be running.
	// +kubebuilder:default=false
	// +optional
	Running bool `json:"running"`

	// params are merged into the template's `param` map; a change restarts a running virtual machine.
	// +optional
	Params map[string]string `json:"params,omitempty"`
}

// PortForward is a port or socket of the guest that is forwarded to the host.
type PortForward struct {
	// protocol is tcp, udp or unix.
	Protocol string `json:"protocol"`
	// host is the host:port, or the socket's path, on the host; empty for a port that is on an address
	// of the guest's own, to which nothing leads.
	Host string `json:"host"`
	// guest is the host:port, or the socket's path, in the guest.
	Guest string `json:"guest"`
	// error says why the port is not forwarded; absent when it is.
	// +optional
	Error string `json:"error,omitempty"`
	// reverse says that guest should lead to host, a socket of the host.
	// +optional
	Reverse bool `json:"reverse,omitempty"`
}

// FailedUnit is a unit of the guest's systemd that has failed, or that fails whenever it is started
// again.
type FailedUnit struct {
	// name of the unit, such as containerd.service.
	Name string `json:"name"`
	// reason says why, as far as systemd in the guest knows.
	// +optional
	Reason string `json:"reason,omitempty"`
}

// Failure is the last failure that is still in the way of what the spec asks for.
type Failure struct {
	// operation is what failed: create, start, stop or delete; run: the machine ended by itself.
	Operation string `json:"operation"`
	// kind of the failure, for programs: Spec, NameTaken, Host, DiskFull, Image, ImageMissing,
	// ImageInvalid, Boot, Script, Probe, Port, ProcessEnded, Broken or Unknown. More may be added;
	// programs should treat other kinds as Unknown.
	Kind string `json:"kind"`
	// field is the path in the template, or in the LimaVM, that it is about; for the kind Script
	// boot or provision.
	// +optional
	Field string `json:"field,omitempty"`
	// hint says what can be done about it: a command or a sentence.
	// +optional
	Hint string `json:"hint,omitempty"`
	// message says in its first line what happened; the lines after it are a program's output.
	Message string `json:"message"`
	// at is when it happened.
	At metav1.Time `json:"at"`
}

// LimaVMStatus is what was observed of the virtual machine.
type LimaVMStatus struct {
	// templateConfigMap is the name of the LimaVM's own validated copy of its template, in its
	// namespace.
	// +optional
	TemplateConfigMap string `json:"templateConfigMap,omitempty"`

	// instanceMade says that the instance has been complete. It is not created again when its
	// directory vanishes, unless another reset than instanceReset is requested.
	// +optional
	InstanceMade bool `json:"instanceMade,omitempty"`

	// instanceReset is the reset request that the complete instance was made for; absent when it was
	// made for none.
	// +optional
	InstanceReset string `json:"instanceReset,omitempty"`

	// observedTemplateResourceVersion is the resourceVersion of the template ConfigMap in force.
	// +optional
	ObservedTemplateResourceVersion string `json:"observedTemplateResourceVersion,omitempty"`

	// observedTemplateHash identifies the template and params in force.
	// +optional
	ObservedTemplateHash string `json:"observedTemplateHash,omitempty"`

	// restartNeeded is true while a restart is asked for and not done.
	// +optional
	RestartNeeded bool `json:"restartNeeded,omitempty"`

	// restartCount says how often the virtual machine reached Running.
	// +optional
	RestartCount int64 `json:"restartCount,omitempty"`

	// lastStartID identifies the start that restartCount counted last.
	// +optional
	LastStartID string `json:"lastStartID,omitempty"`

	// bootID is the guest kernel's boot id while it runs.
	// +optional
	BootID string `json:"bootID,omitempty"`

	// sshLocalPort is the port on 127.0.0.1 that reaches the guest's sshd while it runs.
	// +optional
	SSHLocalPort int32 `json:"sshLocalPort,omitempty"`

	// accelerator in use while the virtual machine runs: kvm, hvf or tcg.
	// +optional
	Accelerator string `json:"accelerator,omitempty"`

	// message is the template's message for the user while the virtual machine runs.
	// +optional
	Message string `json:"message,omitempty"`

	// portForwards are the guest's ports and sockets that are forwarded to the host, and those that
	// should be and cannot.
	// +listType=atomic
	// +optional
	PortForwards []PortForward `json:"portForwards,omitempty"`

	// failedUnits are services of the guest that it needs and that fail.
	// +listType=map
	// +listMapKey=name
	// +optional
	FailedUnits []FailedUnit `json:"failedUnits,omitempty"`

	// lastRestartRequest is the value of the annotation restartRequested that was recorded last.
	// +optional
	LastRestartRequest string `json:"lastRestartRequest,omitempty"`

	// lastResetRequest is the value of the annotation resetRequested that was recorded last.
	// +optional
	LastResetRequest string `json:"lastResetRequest,omitempty"`

	// lastResetFrom is the request that the instance was made for when lastResetRequest was recorded:
	// that instance is deleted. It is empty for the first instance, and lastResetRequest itself when
	// there was none.
	// +optional
	LastResetFrom *string `json:"lastResetFrom,omitempty"`

	// lastRetryRequest is the value of the annotation retryRequested that was carried out last.
	// +optional
	LastRetryRequest string `json:"lastRetryRequest,omitempty"`

	// lastForceStop is the value of the annotation forceStop that was carried out last.
	// +optional
	LastForceStop string `json:"lastForceStop,omitempty"`

	// failure is the last failure that is still in the way of what the spec asks for. It stays while
	// the operation is retried.
	// +optional
	Failure *Failure `json:"failure,omitempty"`

	// conditions: Created and Running.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// LimaVM is one virtual machine on this host.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=limavms,singular=limavm,scope=Namespaced,categories=all
// +kubebuilder:printcolumn:name="Wanted",type=boolean,JSONPath=`.spec.running`,description="whether the VM should be running"
// +kubebuilder:printcolumn:name="Created",type=string,JSONPath=`.status.conditions[?(@.type=="Created")].status`
// +kubebuilder:printcolumn:name="Running",type=string,JSONPath=`.status.conditions[?(@.type=="Running")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Running")].reason`
// +kubebuilder:printcolumn:name="SSH",type=integer,JSONPath=`.status.sshLocalPort`,priority=1
// +kubebuilder:printcolumn:name="Accel",type=string,JSONPath=`.status.accelerator`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Running")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type LimaVM struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec LimaVMSpec `json:"spec"`
	// +optional
	Status LimaVMStatus `json:"status,omitzero"`
}

// LimaVMList is a list of LimaVMs.
//
// +kubebuilder:object:root=true
type LimaVMList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []LimaVM `json:"items"`
}

// MadeFor returns whether the instance has been complete, and the reset request that it was made
// for. The status that an older rdd has written says so in the condition Created only.
func (s *LimaVMStatus) MadeFor() (reset string, made bool) {
	if s.InstanceMade {
		return s.InstanceReset, true
	}
	return s.LastResetRequest, meta.IsStatusConditionTrue(s.Conditions, ConditionCreated)
}

// HadInstance reports whether the instance has been complete.
func (s *LimaVMStatus) HadInstance() bool {
	_, made := s.MadeFor()
	return made
}
