// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	genericadmission "k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/namespace/deletion"
)

// systemNamespaces are the namespaces that always exist and cannot be deleted.
var systemNamespaces = []string{metav1.NamespaceDefault, metav1.NamespaceSystem}

const (
	// retryFirst and retryMost are the first and the longest pause of the back-off while a namespace
	// has objects with finalizers.
	retryFirst = 50 * time.Millisecond
	retryMost  = 5 * time.Second
)

func createNamespaces(ctx context.Context, client kubernetes.Interface) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, name := range systemNamespaces {
		group.Go(func() error { return createNamespace(ctx, client, name) })
	}
	return group.Wait()
}

func createNamespace(ctx context.Context, client kubernetes.Interface, name string) error {
	_, err := client.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	if !apierrors.IsNotFound(err) {
		return err
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	_, err = client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("creating namespace %s: %w", name, err)
	}
	return nil
}

// newLifecycle builds Kubernetes' admission plugin for namespaces. It refuses to create objects in
// a namespace that does not exist or is being deleted, and to delete system namespaces.
func newLifecycle(client kubernetes.Interface, shared informers.SharedInformerFactory) (genericadmission.Interface, error) {
	guard, err := lifecycle.NewLifecycle(sets.New(systemNamespaces...))
	if err != nil {
		return nil, fmt.Errorf("building the namespace guard: %w", err)
	}
	guard.SetExternalKubeClientSet(client)
	guard.SetExternalKubeInformerFactory(shared)
	return guard, guard.ValidateInitialization()
}

// namespaceController empties and removes deleted namespaces with Kubernetes' own deleter.
// Kubernetes' controller would first wait 5 s for other API servers, of which there are none here.
type namespaceController struct {
	client  kubernetes.Interface
	deleter deletion.NamespacedResourcesDeleterInterface
	queue   workqueue.TypedRateLimitingInterface[string]
}

func newNamespaceController(
	ctx context.Context, config *rest.Config, shared informers.SharedInformerFactory,
) (*namespaceController, error) {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	objects, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	c := &namespaceController{
		client: client,
		deleter: deletion.NewNamespacedResourcesDeleter(ctx, client.CoreV1().Namespaces(), objects, client.CoreV1(),
			client.Discovery().ServerPreferredNamespacedResources, corev1.FinalizerKubernetes),
		queue: workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[string](retryFirst, retryMost)),
	}
	_, err = shared.Core().V1().Namespaces().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    c.enqueue,
		UpdateFunc: func(_, object any) { c.enqueue(object) },
	})
	return c, err
}

func (c *namespaceController) enqueue(object any) {
	if namespace, ok := object.(*corev1.Namespace); ok && namespace.DeletionTimestamp != nil {
		c.queue.Add(namespace.Name)
	}
}

// run processes deleted namespaces until ctx ends.
func (c *namespaceController) run(ctx context.Context) {
	defer context.AfterFunc(ctx, c.queue.ShutDown)()
	for {
		name, done := c.queue.Get()
		if done {
			return
		}
		c.process(ctx, name)
		c.queue.Done(name)
	}
}

func (c *namespaceController) process(ctx context.Context, name string) {
	err := c.deleter.Delete(ctx, name)
	if err == nil {
		err = releaseFromCollector(ctx, c.client, name)
	}
	if err == nil || apierrors.IsNotFound(err) {
		c.queue.Forget(name)
		return
	}
	var remaining *deletion.ResourcesRemainingError
	if !errors.As(err, &remaining) && ctx.Err() == nil {
		klog.ErrorS(err, "Emptying a deleted namespace failed and will be tried again", "namespace", name)
	}
	c.queue.AddRateLimited(name)
}
