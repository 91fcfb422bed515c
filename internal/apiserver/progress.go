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
	// firstProgressRequest is how long a list may take before progress is requested. A list from a
	// cache that is up to date takes less.
	firstProgressRequest = time.Millisecond
	// longestProgressPause is the longest pause between two progress requests. The cache itself
	// requests progress every 100 ms: see progressRequestPeriod in
	// k8s.io/apiserver/pkg/storage/cacher/progress.
	longestProgressPause = 64 * time.Millisecond
)

// progressGetter returns storages whose consistent lists do not wait longer than they must.
//
// A consistent list is served from a watch cache once the cache has reached the store's present
// revision. If the last write was to another resource, no event brings the cache there. The cache
// then requests a progress notification from the store, within 100 ms. progressStorage requests it
// at once.
type progressGetter struct{ generic.RESTOptionsGetter }

// GetRESTOptions implements generic.RESTOptionsGetter.
func (p progressGetter) GetRESTOptions(resource schema.GroupResource, example runtime.Object) (generic.RESTOptions, error) {
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
		return progressStorage{made}, destroy, nil
	}
	return options, nil
}

type progressStorage struct{ storage.Interface }

// GetList implements storage.Interface.
func (p progressStorage) GetList(ctx context.Context, key string, options storage.ListOptions, list runtime.Object) error {
	if options.ResourceVersion == "" {
		listed := make(chan struct{})
		defer close(listed)
		go p.requestProgress(ctx, listed)
	}
	return p.Interface.GetList(ctx, key, options, list)
}

// requestProgress requests progress notifications for the store's watchers until the list is done.
// It repeats the request, because the store sends no notification while a watcher has events to
// receive.
func (p progressStorage) requestProgress(ctx context.Context, listed <-chan struct{}) {
	timer := time.NewTimer(firstProgressRequest)
	defer timer.Stop()
	for pause := firstProgressRequest; ; pause = min(2*pause, longestProgressPause) {
		select {
		case <-listed:
			return
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if p.RequestWatchProgress(ctx) != nil {
			return // the cache itself requests it later
		}
		timer.Reset(pause)
	}
}
