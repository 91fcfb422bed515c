// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/apiserver/pkg/storage/storagebackend/factory"
	"k8s.io/client-go/tools/cache"
)

const (
	// firstPrompt is how long a list may take before the store is asked; one whose cache is up to date takes less.
	firstPrompt = time.Millisecond
	// lastPrompt is the longest pause between two questions. Every 100 ms the cache asks by itself
	// (progressRequestPeriod in k8s.io/apiserver/pkg/storage/cacher/progress).
	lastPrompt = 64 * time.Millisecond
)

// promptGetter makes storages whose lists do not wait longer than they must. A list that must be up to date is served from a watch
// cache once that knows the store's present revision. When the last write was to another resource, no
// event tells it; the cache would ask the store within 100 ms. Here it is asked at once.
type promptGetter struct{ generic.RESTOptionsGetter }

// GetRESTOptions implements generic.RESTOptionsGetter.
func (p promptGetter) GetRESTOptions(resource schema.GroupResource, example runtime.Object) (generic.RESTOptions, error) {
	options, err := p.RESTOptionsGetter.GetRESTOptions(resource, example)
	if err != nil {
		return options, err
	}
	decorate := options.Decorator
	options.Decorator = func(config *storagebackend.ConfigForResource, prefix string, key func(runtime.Object) (string, error),
		newObject, newList func() runtime.Object, attributes storage.AttrFunc, triggers storage.IndexerFuncs, indexers *cache.Indexers,
	) (storage.Interface, factory.DestroyFunc, error) {
		made, destroy, err := decorate(config, prefix, key, newObject, newList, attributes, triggers, indexers)
		if err != nil {
			return nil, nil, err
		}
		return promptStorage{failingStorage{made}}, destroy, nil
	}
	return options, nil
}

type promptStorage struct{ storage.Interface }

// GetList implements storage.Interface.
func (p promptStorage) GetList(ctx context.Context, key string, options storage.ListOptions, list runtime.Object) error {
	if options.ResourceVersion == "" {
		listed := make(chan struct{})
		defer close(listed)
		go p.prompt(ctx, listed)
	}
	return p.Interface.GetList(ctx, key, options, list)
}

// prompt asks the store again and again to tell its watchers how far it is, until the list is done: it does not answer
// while some watcher has not got all events yet.
func (p promptStorage) prompt(ctx context.Context, listed <-chan struct{}) {
	timer := time.NewTimer(firstPrompt)
	defer timer.Stop()
	for pause := firstPrompt; ; pause = min(2*pause, lastPrompt) {
		select {
		case <-listed:
			return
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if p.RequestWatchProgress(ctx) != nil {
			return // the cache asks by itself, only later
		}
		timer.Reset(pause)
	}
}
