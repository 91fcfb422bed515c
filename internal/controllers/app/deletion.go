// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
)

// rootCA is the ConfigMap that Kubernetes puts into every namespace.
const rootCA = "kube-root-ca.crt"

// eventNamespaceKept is the reason of the Event that says that the namespace which the App created
// outlives it.
const eventNamespaceKept = "NamespaceKept"

// deleteLimaVM removes the App's finalizer from the LimaVM, deletes it, and waits until it does not
// exist any more.
func (r *Reconciler) deleteLimaVM(ctx context.Context, s *scope) reconcile.Outcome {
	child, vm := s.limaVMChild()
	o := child.Delete(ctx, r.client)
	if o.Err != nil {
		return o
	}
	s.limaVMRead = true
	if !o.IsDone() {
		s.limaVM = vm
	}
	return o
}

// awaitTemplate waits until the template of a LimaVM that was deleted by force does not exist any
// more. The LimaVM controller deletes it.
func (r *Reconciler) awaitTemplate(ctx context.Context, s *scope) reconcile.Outcome {
	if s.foreign {
		return reconcile.Done()
	}
	own := &corev1.ConfigMap{ObjectMeta: s.meta(appv1.LimaVMName + limav1.TemplateSuffix)}
	found, err := reconcile.Find(ctx, r.client, own)
	if err != nil {
		return reconcile.Retry(err)
	}
	owner := metav1.GetControllerOf(own)
	if !found || owner == nil || owner.APIVersion != limav1.GroupVersion.String() || owner.Name != appv1.LimaVMName {
		return reconcile.Done()
	}
	return reconcile.Wait(fmt.Sprintf("waiting for ConfigMap %q to be gone", client.ObjectKeyFromObject(own)), 0)
}

// deleteInput deletes the input ConfigMap if the App owns it.
func (r *Reconciler) deleteInput(ctx context.Context, s *scope) reconcile.Outcome {
	return reconcile.Child{
		Object: &corev1.ConfigMap{ObjectMeta: s.meta(appv1.LimaVMName)}, Kind: "ConfigMap",
		Mine: func(obj client.Object) bool { return reconcile.OwnedBy(obj, s.app) },
	}.Delete(ctx, r.client)
}

// deleteNamespace deletes the namespace if the App created it. When it has objects of others, the
// owner reference is removed and the namespace stays.
func (r *Reconciler) deleteNamespace(ctx context.Context, s *scope) reconcile.Outcome {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.app.Spec.Namespace}}
	found, err := reconcile.Find(ctx, r.client, ns)
	if err != nil {
		return reconcile.Retry(err)
	}
	if !found || !reconcile.OwnedBy(ns, s.app) {
		return reconcile.Done()
	}
	s.namespace = ns
	other, err := r.foreignObject(ctx, ns.Name)
	if err != nil {
		return reconcile.Retry(err)
	}
	if other != "" && ns.DeletionTimestamp.IsZero() {
		if err := r.disown(ctx, ns, s.app.UID); err != nil {
			return reconcile.Retry(err)
		}
		r.events.Record(
			ctx, s.app,
			reconcile.Event{
				Reason: eventNamespaceKept, Message: fmt.Sprintf("Namespace %q stays because it holds %s, which is not the App's", ns.Name, other),
			},
		)
		return reconcile.Done()
	}
	return reconcile.Child{
		Object: ns, Kind: "Namespace",
		Mine: func(obj client.Object) bool { return reconcile.OwnedBy(obj, s.app) },
	}.Delete(ctx, r.client)
}

// foreignObject returns kind and name of a LimaVM, ConfigMap or Secret in a namespace; empty when
// there is none. The App's own objects have been deleted before, so it is somebody else's.
func (r *Reconciler) foreignObject(ctx context.Context, namespace string) (string, error) {
	var vms limav1.LimaVMList
	var configMaps corev1.ConfigMapList
	var secrets corev1.SecretList
	for _, list := range []client.ObjectList{&vms, &configMaps, &secrets} {
		if err := r.client.List(ctx, list, client.InNamespace(namespace)); err != nil {
			return "", err
		}
	}
	configMaps.Items = slices.DeleteFunc(configMaps.Items, func(cm corev1.ConfigMap) bool { return cm.Name == rootCA })
	switch {
	case len(vms.Items) > 0:
		return "LimaVM " + vms.Items[0].Name, nil
	case len(configMaps.Items) > 0:
		return "ConfigMap " + configMaps.Items[0].Name, nil
	case len(secrets.Items) > 0:
		return "Secret " + secrets.Items[0].Name, nil
	default:
		return "", nil
	}
}

// disown removes the App's owner reference from a namespace that stays.
func (r *Reconciler) disown(ctx context.Context, ns *corev1.Namespace, owner types.UID) error {
	patch := client.MergeFromWithOptions(ns.DeepCopy(), client.MergeFromWithOptimisticLock{})
	ns.OwnerReferences = slices.DeleteFunc(ns.OwnerReferences, func(ref metav1.OwnerReference) bool { return ref.UID == owner })
	return client.IgnoreNotFound(r.client.Patch(ctx, ns, patch))
}

// removeFinalizer is the last step: every step before has read that the objects it deletes do not
// exist any more.
func (r *Reconciler) removeFinalizer(ctx context.Context, s *scope) reconcile.Outcome {
	err := reconcile.RemoveFinalizer(ctx, r.client, s.app, appv1.FinalizerCleanup)
	if client.IgnoreNotFound(err) != nil {
		return reconcile.Retry(err)
	}
	s.released = true
	return reconcile.Done()
}
