// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"fmt"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensionsclient "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset/typed/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2"

	"golang.org/x/sync/errgroup"

	"rancherdesktop.io/rdd/internal/rules"
)

// readyTimeout bounds the whole preparation, which usually takes a fraction of a second.
const readyTimeout = 60 * time.Second

// bootstrap creates the definitions and namespaces that must exist before the server is ready, in
// parallel, and waits until their resources are served and can be watched. Before it writes
// anything it finds out whether a newer program's definitions are in the store: the error wraps
// version.ErrNewerStore then.
func (s *Server) bootstrap(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	config := s.Config(rules.DaemonName)
	s.readiness.exempt(config.BearerToken)
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	definitions, err := apiextensionsclient.NewForConfig(config)
	if err != nil {
		return err
	}
	plan, err := planInstallations(ctx, definitions, s.options.Definitions, s.options.Build)
	if err != nil {
		return err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return install(groupCtx, definitions, plan, s.options.Build) })
	group.Go(func() error { return createNamespaces(groupCtx, client) })
	if err := group.Wait(); err != nil {
		return err
	}
	klog.V(1).InfoS("Definitions and namespaces are in place")
	custom := servedBy(s.options.Definitions)
	if err := s.groups.wait(ctx, custom); err != nil {
		return fmt.Errorf("waiting for custom resources to be served: %w", err)
	}
	if err := s.backdateDefinitions(ctx, definitions); err != nil {
		return fmt.Errorf("finishing custom resources: %w", err)
	}
	if err := warmUp(ctx, config, append(custom, warmUpResources...)); err != nil {
		return err
	}
	for informer, synced := range s.informers.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("waiting for the cache of %s: %w", informer, ctx.Err())
		}
	}
	return nil
}

// servedBy returns the resources that definitions define, in each served version.
func servedBy(definitions []*apiextensionsv1.CustomResourceDefinition) []schema.GroupVersionResource {
	var served []schema.GroupVersionResource
	for _, definition := range definitions {
		for _, version := range definition.Spec.Versions {
			if version.Served {
				served = append(served, schema.GroupVersionResource{
					Group: definition.Spec.Group, Version: version.Name, Resource: definition.Spec.Names.Plural,
				})
			}
		}
	}
	return served
}
