// SPDX-License-Identifier: Apache-2.0

package scheme

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestMapper(t *testing.T) {
	mapper := NewMapper(New())
	for kind, want := range map[schema.GroupKind]struct {
		resource string
		scope    meta.RESTScopeName
	}{
		{Group: "app.rancherdesktop.io", Kind: "App"}:                     {"apps", meta.RESTScopeNameRoot},
		{Group: "lima.rancherdesktop.io", Kind: "LimaVM"}:                 {"limavms", meta.RESTScopeNameNamespace},
		{Group: "rdd.rancherdesktop.io", Kind: "HostInfo"}:                {"hostinfos", meta.RESTScopeNameRoot},
		{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}: {"customresourcedefinitions", meta.RESTScopeNameRoot},
		{Kind: "ConfigMap"}: {"configmaps", meta.RESTScopeNameNamespace},
		{Kind: "Secret"}:    {"secrets", meta.RESTScopeNameNamespace},
		{Kind: "Event"}:     {"events", meta.RESTScopeNameNamespace},
		{Kind: "Namespace"}: {"namespaces", meta.RESTScopeNameRoot},
	} {
		mapping, err := mapper.RESTMapping(kind)
		if err != nil || mapping.Resource.Resource != want.resource || mapping.Scope.Name() != want.scope {
			t.Errorf("%v maps to %+v: %v", kind, mapping, err)
		}
	}
}
