// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
	apiextensionshelpers "k8s.io/apiextensions-apiserver/pkg/apihelpers"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensionsclient "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset/typed/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
)

// establishedDelay is how long after a definition was established the server delays each POST of
// its resource, by 2 s. Kubernetes does that for other API servers, which may not know the
// definition yet. There are none here.
const establishedDelay = 2 * time.Second

// backdateDefinitions moves the time at which definitions were established into the past, if that
// is recent, and returns when the handler of custom resources has observed it. So the first object
// after the first start is written without the delay.
func (s *Server) backdateDefinitions(ctx context.Context, client apiextensionsclient.CustomResourceDefinitionsGetter) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, definition := range s.options.Definitions {
		group.Go(func() error { return s.backdateDefinition(ctx, client, definition.Name) })
	}
	return group.Wait()
}

func (s *Server) backdateDefinition(ctx context.Context, client apiextensionsclient.CustomResourceDefinitionsGetter, name string) error {
	changed := make(chan struct{}, 1)
	notify := func(any) {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	informer := s.definitions.Informer()
	handle, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: notify, UpdateFunc: func(_, _ any) { notify(nil) }})
	if err != nil {
		return err
	}
	defer func() { _ = informer.RemoveEventHandler(handle) }() // fails only for another informer's handle
	for {
		seen, err := s.definitions.Lister().Get(name)
		if err == nil && !recentlyEstablished(seen) {
			return nil
		}
		if err == nil {
			if err := backdate(ctx, client, seen.DeepCopy()); err != nil {
				return err
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func recentlyEstablished(definition *apiextensionsv1.CustomResourceDefinition) bool {
	condition := apiextensionshelpers.FindCRDCondition(definition, apiextensionsv1.Established)
	return condition == nil || time.Since(condition.LastTransitionTime.Time) < establishedDelay
}

func backdate(
	ctx context.Context, client apiextensionsclient.CustomResourceDefinitionsGetter, definition *apiextensionsv1.CustomResourceDefinition,
) error {
	condition := apiextensionshelpers.FindCRDCondition(definition, apiextensionsv1.Established)
	if condition == nil {
		return nil
	}
	condition.LastTransitionTime = metav1.NewTime(time.Now().Add(-2 * establishedDelay))
	_, err := client.CustomResourceDefinitions().UpdateStatus(ctx, definition, metav1.UpdateOptions{})
	if apierrors.IsConflict(err) {
		return nil // the event of the other change repeats this
	}
	return err
}
