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

// youth is how long after a definition was established the server makes every POST of its resource wait for
// 2 s, so that other API servers can learn of the definition. Here there are none.
const youth = 2 * time.Second

// age moves the time at which young definitions were established a little into the past, and returns when the
// handler of custom resources has seen that: the first object after the first start is then written at once.
func (s *Server) age(ctx context.Context, client apiextensionsclient.CustomResourceDefinitionsGetter) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, definition := range s.options.Definitions {
		group.Go(func() error { return s.ageOne(ctx, client, definition.Name) })
	}
	return group.Wait()
}

func (s *Server) ageOne(ctx context.Context, client apiextensionsclient.CustomResourceDefinitionsGetter, name string) error {
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
	defer func() { _ = informer.RemoveEventHandler(handle) }() // fails only for a handle that is not ours
	for {
		seen, err := s.definitions.Lister().Get(name)
		if err == nil && !young(seen) {
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

func young(definition *apiextensionsv1.CustomResourceDefinition) bool {
	condition := apiextensionshelpers.FindCRDCondition(definition, apiextensionsv1.Established)
	return condition == nil || time.Since(condition.LastTransitionTime.Time) < youth
}

func backdate(ctx context.Context, client apiextensionsclient.CustomResourceDefinitionsGetter, definition *apiextensionsv1.CustomResourceDefinition) error {
	condition := apiextensionshelpers.FindCRDCondition(definition, apiextensionsv1.Established)
	if condition == nil {
		return nil
	}
	condition.LastTransitionTime = metav1.NewTime(time.Now().Add(-2 * youth))
	_, err := client.CustomResourceDefinitions().UpdateStatus(ctx, definition, metav1.UpdateOptions{})
	if apierrors.IsConflict(err) {
		return nil // somebody else's change is on its way and will wake us
	}
	return err
}
