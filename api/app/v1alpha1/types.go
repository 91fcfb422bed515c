// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AppName is the only name an App may have.
const AppName = "app"

// EngineName names a container engine.
// +kubebuilder:validation:Enum=moby;containerd
type EngineName string

// The container engines.
const (
	EngineMoby       EngineName = "moby"
	EngineContainerd EngineName = "containerd"
)

// AppSpec is what the user wants.
type AppSpec struct {
	// running says whether the virtual machine should be running.
	// +kubebuilder:default=false
	// +optional
	Running bool `json:"running"`

	// namespace holds the owned LimaVM and its ConfigMaps. It cannot be changed later.
	// +kubebuilder:default=default
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="spec.namespace is immutable"
	// +optional
	Namespace string `json:"namespace,omitempty"`

	// containerEngine chooses what runs containers inside the virtual machine.
	// +kubebuilder:default={}
	// +optional
	ContainerEngine ContainerEngineSpec `json:"containerEngine,omitzero"`

	// kubernetes configures k3s inside the virtual machine.
	// +kubebuilder:default={}
	// +optional
	Kubernetes KubernetesSpec `json:"kubernetes,omitzero"`

	// virtualMachine says how large the virtual machine is and what it shares with the host.
	// +kubebuilder:default={}
	// +optional
	VirtualMachine VirtualMachineSpec `json:"virtualMachine,omitzero"`
}

// ContainerEngineSpec chooses the container engine.
type ContainerEngineSpec struct {
	// name of the engine: moby (Docker) or containerd.
	// +kubebuilder:default=moby
	// +optional
	Name EngineName `json:"name,omitempty"`
}

// KubernetesSpec configures Kubernetes inside the virtual machine.
type KubernetesSpec struct {
	// enabled says whether Kubernetes should run.
	// +kubebuilder:default=false
	// +optional
	Enabled bool `json:"enabled"`

	// version of Kubernetes to run.
	// +optional
	Version string `json:"version,omitempty"`
}

// VirtualMachineSpec says what the virtual machine is like.
type VirtualMachineSpec struct {
	// cpus is the number of virtual CPUs; 0 or absent means min(2, the host's).
	// +optional
	CPUs int32 `json:"cpus,omitempty"`

	// memory of the virtual machine; absent means a quarter of the host's within 2Gi and 8Gi.
	// +optional
	Memory *resource.Quantity `json:"memory,omitempty"`

	// mounts are the directories of the host that the virtual machine sees; absent means the user's
	// home, writable, under its own path. An empty list shows nothing of the host.
	// +listType=atomic
	// +optional
	Mounts []Mount `json:"mounts,omitzero"`

	// exposePorts says whether ports that the virtual machine publishes on all of its addresses are
	// reached on all addresses of the host (0.0.0.0), and not on 127.0.0.1 alone.
	// +kubebuilder:default=false
	// +optional
	ExposePorts bool `json:"exposePorts,omitempty"`
}

// Mount shows a directory of the host in the virtual machine.
type Mount struct {
	// location is a directory of the host: an absolute path, or one that begins with ~/ or is ~, the
	// user's home.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	Location string `json:"location"`

	// mountPoint is where it is seen; absent means the same path as on the host.
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	MountPoint string `json:"mountPoint,omitempty"`

	// writable says whether the virtual machine may write to it.
	// +optional
	Writable bool `json:"writable,omitempty"`
}

// AppStatus is what was observed.
type AppStatus struct {
	// conditions: Created and Running are mirrored from the LimaVM; ContainerEngineReady says whether
	// containers can be run; Settled says whether everything that the spec asks for has been reached.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// namespaceUID is the UID of the namespace that the App created; empty when it existed before.
	// +optional
	NamespaceUID string `json:"namespaceUID,omitempty"`

	// containerEngine is the container engine that has passed a smoke test last.
	// +optional
	ContainerEngine ContainerEngineStatus `json:"containerEngine,omitzero"`
}

// ContainerEngineStatus is written by the container engine controller.
type ContainerEngineStatus struct {
	// name of the container engine that ran a container.
	// +optional
	Name EngineName `json:"name,omitempty"`

	// version of that container engine, as it reports it.
	// +optional
	Version string `json:"version,omitempty"`

	// restartCount is the LimaVM's status.restartCount of the start in which the container was run.
	// +optional
	RestartCount int64 `json:"restartCount,omitempty"`
}

// App is the singleton that says what the user wants of this rdd instance.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,categories=all
// +kubebuilder:validation:XValidation:rule="self.metadata.name == 'app'",message="App resource must be named 'app'"
// +kubebuilder:printcolumn:name="Wanted",type=boolean,JSONPath=`.spec.running`,description="whether the VM should be running"
// +kubebuilder:printcolumn:name="Running",type=string,JSONPath=`.status.conditions[?(@.type=="Running")].status`
// +kubebuilder:printcolumn:name="Engine",type=string,JSONPath=`.status.conditions[?(@.type=="ContainerEngineReady")].status`
// +kubebuilder:printcolumn:name="Settled",type=string,JSONPath=`.status.conditions[?(@.type=="Settled")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Settled")].reason`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Settled")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type App struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +kubebuilder:default={}
	// +optional
	Spec AppSpec `json:"spec,omitzero"`
	// +optional
	Status AppStatus `json:"status,omitzero"`
}

// AppList is a list of Apps.
//
// +kubebuilder:object:root=true
type AppList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []App `json:"items"`
}
