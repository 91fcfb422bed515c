// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 defines LimaVM, one virtual machine on this host. Every name
// in it is public API.
//
// What the schema refuses is tested in test/integration. test/layout checks that the generated
// files are up to date.
//
// +kubebuilder:object:generate=true
// +groupName=lima.rancherdesktop.io
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion of the types in this package.
var GroupVersion = schema.GroupVersion{Group: "lima.rancherdesktop.io", Version: "v1alpha1"}

// AddToScheme registers the types of this package.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion, &LimaVM{}, &LimaVMList{})
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}
