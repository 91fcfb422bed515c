// SPDX-License-Identifier: Apache-2.0

// Package scheme has the types of the API that rdd's controllers and clients use, and the resources
// of their kinds. With it they need no discovery requests.
package scheme

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	rddv1 "rancherdesktop.io/rdd/api/rdd/v1alpha1"
)

// New returns a scheme of the types that controllers and clients use.
func New() *runtime.Scheme {
	known := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, apiextensionsv1.AddToScheme, appv1.AddToScheme, limav1.AddToScheme, rddv1.AddToScheme,
	} {
		if err := add(known); err != nil {
			// It fails only when two types have the same kind, which every test would show.
			panic(fmt.Sprintf("registering the API types: %v", err))
		}
	}
	metav1.AddToGroupVersion(known, schema.GroupVersion{Version: "v1"})
	return known
}

// NewMapper returns a mapper from the kinds of a scheme made by New to their resources.
func NewMapper(known *runtime.Scheme) meta.RESTMapper {
	groups := []schema.GroupVersion{
		corev1.SchemeGroupVersion, apiextensionsv1.SchemeGroupVersion, appv1.GroupVersion, limav1.GroupVersion, rddv1.GroupVersion,
	}
	mapper := meta.NewDefaultRESTMapper(groups)
	for _, group := range groups {
		for kind := range known.KnownTypes(group) {
			mapper.Add(group.WithKind(kind), scopeOf(kind))
		}
	}
	return mapper
}

// scopeOf returns whether a kind is cluster-scoped or namespaced.
func scopeOf(kind string) meta.RESTScope {
	switch kind {
	case "App", "HostInfo", "CustomResourceDefinition", "Namespace":
		return meta.RESTScopeRoot
	default:
		return meta.RESTScopeNamespace
	}
}
