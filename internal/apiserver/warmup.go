// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// warmUpInterval is the time between two attempts to watch a resource. Filling its cache takes some
// milliseconds.
const warmUpInterval = 4 * time.Millisecond

// warmUpResources are the built-in resources that controllers and clients watch as soon as the
// server is ready.
var warmUpResources = []schema.GroupVersionResource{
	corev1.SchemeGroupVersion.WithResource("namespaces"),
	corev1.SchemeGroupVersion.WithResource("configmaps"),
	corev1.SchemeGroupVersion.WithResource("secrets"),
}

// warmUp returns when all the resources can be watched. The first request for a custom resource
// creates its cache. Until the cache is filled, the server refuses watches with a retry after a
// whole second.
func warmUp(ctx context.Context, config *rest.Config, resources []schema.GroupVersionResource) error {
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, resource := range resources {
		group.Go(func() error {
			if err := warmUpResource(ctx, client, config.Host+watchPath(resource)); err != nil {
				return fmt.Errorf("waiting for watches of %s: %w", resource.Resource, err)
			}
			return nil
		})
	}
	return group.Wait()
}

func watchPath(resource schema.GroupVersionResource) string {
	prefix := "/apis/" + resource.Group + "/"
	if resource.Group == "" {
		prefix = "/api/"
	}
	return prefix + resource.Version + "/" + resource.Resource + "?watch=true&resourceVersion=0&timeoutSeconds=1"
}

func warmUpResource(ctx context.Context, client *http.Client, url string) error {
	ticker := time.NewTicker(warmUpInterval)
	defer ticker.Stop()
	for {
		status, err := probeWatch(ctx, client, url)
		switch {
		case err != nil:
			return err
		case status == http.StatusOK:
			return nil
		case status != http.StatusTooManyRequests:
			return fmt.Errorf("the server answered %s", http.StatusText(status))
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// probeWatch begins a watch, cancels it at once, and returns the HTTP status.
func probeWatch(ctx context.Context, client *http.Client, url string) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, err
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}
