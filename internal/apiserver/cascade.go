// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/registry/rest"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/kubernetes"
	namespacestorage "k8s.io/kubernetes/pkg/registry/core/namespace/storage"
)

// cascadelessNamespaces deletes a namespace like the default, whatever the request says about its
// dependents. There is no garbage collector here. Other resources do not wait for one, because it
// is switched off in their storage; the storage of namespaces does not know that.
type cascadelessNamespaces struct{ *namespacestorage.REST }

// Delete implements rest.GracefulDeleter.
func (c cascadelessNamespaces) Delete(
	ctx context.Context, name string, validate rest.ValidateObjectFunc, options *metav1.DeleteOptions,
) (runtime.Object, bool, error) {
	background := metav1.DeletePropagationBackground
	own := &metav1.DeleteOptions{}
	if options != nil {
		own = options.DeepCopy()
	}
	own.OrphanDependents, own.PropagationPolicy = nil, &background //nolint:staticcheck // clients may still send the former
	return c.REST.Delete(ctx, name, validate, own)
}

// withoutCascade replaces the storage of namespaces in the core group.
func withoutCascade(core *genericapiserver.APIGroupInfo) error {
	resources := core.VersionedResourcesStorageMap["v1"]
	storage, ok := resources["namespaces"].(*namespacestorage.REST)
	if !ok {
		return fmt.Errorf("the storage of namespaces is %T", resources["namespaces"])
	}
	resources["namespaces"] = cascadelessNamespaces{storage}
	return nil
}

// awaitsCollector reports whether a finalizer is one that a garbage collector removes.
func awaitsCollector(finalizer string) bool {
	return finalizer == metav1.FinalizerOrphanDependents || finalizer == metav1.FinalizerDeleteDependents
}

// releaseFromCollector removes from a namespace that has been emptied the finalizers that a garbage
// collector would remove. Deletions by an older rdd have left them.
func releaseFromCollector(ctx context.Context, client kubernetes.Interface, name string) error {
	namespace, err := client.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	if err != nil || namespace.DeletionTimestamp == nil || len(namespace.Spec.Finalizers) > 0 ||
		!slices.ContainsFunc(namespace.Finalizers, awaitsCollector) {
		return err
	}
	namespace.Finalizers = slices.DeleteFunc(namespace.Finalizers, awaitsCollector)
	_, err = client.CoreV1().Namespaces().Update(ctx, namespace, metav1.UpdateOptions{})
	return err
}
