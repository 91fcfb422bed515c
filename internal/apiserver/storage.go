// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/apiserver/pkg/storage/storagebackend/factory"
	"k8s.io/client-go/tools/cache"

	_ "rancherdesktop.io/rdd/internal/apiserver/quiet" // see there
)

// ownedStorage ties every storage that a registry makes to the server's end. Registries make some
// that they then do not serve, and nobody else would close: resource quotas.
type ownedStorage struct {
	generic.RESTOptionsGetter
	own func(destroy func())
}

// unserved are storages that are made and never used: they need no watch cache.
var unserved = schema.GroupResource{Resource: "resourcequotas"}

// GetRESTOptions implements generic.RESTOptionsGetter.
func (o ownedStorage) GetRESTOptions(resource schema.GroupResource, example runtime.Object) (generic.RESTOptions, error) {
	options, err := o.RESTOptionsGetter.GetRESTOptions(resource, example)
	if err != nil {
		return options, err
	}
	decorate := options.Decorator
	if resource == unserved {
		decorate = generic.UndecoratedStorage
	}
	options.Decorator = func(config *storagebackend.ConfigForResource, prefix string, key func(runtime.Object) (string, error),
		newObject, newList func() runtime.Object, attributes storage.AttrFunc, triggers storage.IndexerFuncs, indexers *cache.Indexers,
	) (storage.Interface, factory.DestroyFunc, error) {
		made, destroy, err := decorate(config, prefix, key, newObject, newList, attributes, triggers, indexers)
		if err == nil {
			o.own(destroy)
		}
		return made, destroy, err
	}
	return options, nil
}
