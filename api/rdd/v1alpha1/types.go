// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// HostInfoName is the only name a HostInfo may have.
const HostInfoName = "system"

// HostInfoStatus is what was found. It bounds what an App may ask for.
type HostInfoStatus struct {
	// os of the host as Go names it: linux, darwin, windows.
	// +optional
	OS string `json:"os,omitempty"`

	// arch of the host and its guests in Lima's spelling: x86_64, aarch64.
	// +optional
	Arch string `json:"arch,omitempty"`

	// cpus of the host that rdd may use.
	// +optional
	CPUs int32 `json:"cpus,omitempty"`

	// memory of the host.
	// +optional
	Memory *resource.Quantity `json:"memory,omitempty"`

	// acceleration of virtual machines.
	// +optional
	Acceleration Acceleration `json:"acceleration,omitzero"`

	// versions of what rdd consists of and works with.
	// +optional
	Versions Versions `json:"versions,omitzero"`
}

// Acceleration says how guests are run.
type Acceleration struct {
	// name of the accelerator: kvm, hvf, or tcg, which is emulation. Empty until a virtual machine was
	// first started on this host.
	// +optional
	Name string `json:"name,omitempty"`

	// reason why it is this one.
	// +optional
	Reason string `json:"reason,omitempty"`
}

// Versions of programs; empty where unknown.
type Versions struct {
	// rdd is the daemon.
	// +optional
	RDD string `json:"rdd,omitempty"`

	// kubernetes is the embedded API server.
	// +optional
	Kubernetes string `json:"kubernetes,omitempty"`

	// qemu on the host.
	// +optional
	QEMU string `json:"qemu,omitempty"`
}

// HostInfo is the singleton that describes what the host offers.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=hostinfos,scope=Cluster
// +kubebuilder:validation:XValidation:rule="self.metadata.name == 'system'",message="HostInfo resource must be named 'system'"
// +kubebuilder:printcolumn:name="CPUs",type=integer,JSONPath=`.status.cpus`
// +kubebuilder:printcolumn:name="Memory",type=string,JSONPath=`.status.memory`
// +kubebuilder:printcolumn:name="Arch",type=string,JSONPath=`.status.arch`
// +kubebuilder:printcolumn:name="Acceleration",type=string,JSONPath=`.status.acceleration.name`
// +kubebuilder:printcolumn:name="RDD",type=string,JSONPath=`.status.versions.rdd`
// +kubebuilder:printcolumn:name="QEMU",type=string,JSONPath=`.status.versions.qemu`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type HostInfo struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +optional
	Status HostInfoStatus `json:"status,omitzero"`
}

// HostInfoList is a list of HostInfos.
//
// +kubebuilder:object:root=true
type HostInfoList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []HostInfo `json:"items"`
}
