// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
	"rancherdesktop.io/rdd/internal/rules"
)

// ownedByApp reports whether obj has the finalizer of an owning App.
func ownedByApp(obj metav1.Object) bool {
	owner, _, owned := reconcile.Owned(obj)
	return owned && owner == kind
}

// limaVMKind is the LimaVM's kind in owner references.
const limaVMKind = "LimaVM"

// isTemplate reports whether obj is a LimaVM's own template.
func isTemplate(obj metav1.Object) bool {
	owner, _, owned := reconcile.Owned(obj)
	return owned && owner == limaVMKind
}

// isInput reports whether obj is the input ConfigMap of an App, or another that it owns.
func isInput(obj metav1.Object) bool {
	ref := metav1.GetControllerOf(obj)
	return ref != nil && ref.Kind == kind && ref.APIVersion == appv1.GroupVersion.String()
}

// caller returns the user name of the request's sender.
func caller(ctx context.Context) (string, error) {
	req, err := admission.RequestFromContext(ctx)
	return req.UserInfo.Username, err
}

// limaVMGuard lets only the App controller change the fields of its LimaVM that follow from the
// App's spec.
type limaVMGuard struct{}

func (limaVMGuard) ValidateCreate(context.Context, *limav1.LimaVM) (admission.Warnings, error) {
	return nil, nil
}

func (limaVMGuard) ValidateDelete(context.Context, *limav1.LimaVM) (admission.Warnings, error) {
	return nil, nil
}

func (limaVMGuard) ValidateUpdate(ctx context.Context, old, vm *limav1.LimaVM) (admission.Warnings, error) {
	user, err := caller(ctx)
	if err != nil || user == rules.ControllerName(kind) {
		return nil, err
	}
	_, owner, _ := reconcile.Owned(old)
	if old.Spec.Running != vm.Spec.Running {
		return nil, fmt.Errorf(
			"cannot change spec.running of LimaVM %q: it is owned by App %q; use `rdd start` or `rdd stop` instead", vm.Name, owner,
		)
	}
	if !maps.Equal(old.Spec.Params, vm.Spec.Params) {
		return nil, fmt.Errorf(
			"cannot change spec.params of LimaVM %q: it is owned by App %q; change the App instead: rdd set PROPERTY=VALUE", vm.Name, owner,
		)
	}
	if !equality.Semantic.DeepEqual(old.Spec, vm.Spec) {
		return nil, fmt.Errorf(
			"cannot change the spec of LimaVM %q: it is owned by App %q; change the App instead: rdd set PROPERTY=VALUE", vm.Name, owner,
		)
	}
	return nil, nil
}

// templateGuard lets only the App controller change the content of the App's ConfigMaps: the
// template of its LimaVM, and the input that this is copied from.
type templateGuard struct{ reader client.Reader }

func (templateGuard) ValidateCreate(context.Context, *corev1.ConfigMap) (admission.Warnings, error) {
	return nil, nil
}

func (templateGuard) ValidateDelete(context.Context, *corev1.ConfigMap) (admission.Warnings, error) {
	return nil, nil
}

func (g templateGuard) ValidateUpdate(ctx context.Context, old, cm *corev1.ConfigMap) (admission.Warnings, error) {
	user, err := caller(ctx)
	if err != nil || user == rules.ControllerName(kind) || sameContent(old, cm) {
		return nil, err
	}
	if isInput(old) {
		return nil, fmt.Errorf("cannot change ConfigMap %q: it is owned by App %q; change the App instead: rdd set PROPERTY=VALUE",
			cm.Name, metav1.GetControllerOf(old).Name)
	}
	_, name, _ := reconcile.Owned(old)
	vm := &limav1.LimaVM{}
	err = g.reader.Get(ctx, client.ObjectKey{Namespace: cm.Namespace, Name: name}, vm)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, apierrors.NewInternalError(fmt.Errorf("reading LimaVM %s/%s: %w", cm.Namespace, name, err))
	}
	if ownedByApp(vm) {
		_, owner, _ := reconcile.Owned(vm)
		return nil, fmt.Errorf(
			"cannot change the template of LimaVM %q: it is owned by App %q; change the App instead: rdd set PROPERTY=VALUE", name, owner,
		)
	}
	return nil, nil
}

// sameContent reports whether two versions of a ConfigMap differ in metadata only.
func sameContent(a, b *corev1.ConfigMap) bool {
	return equality.Semantic.DeepEqual(a.Data, b.Data) && equality.Semantic.DeepEqual(a.BinaryData, b.BinaryData) &&
		equality.Semantic.DeepEqual(a.Immutable, b.Immutable)
}

// namespaceGuard refuses to delete the namespace of an App's LimaVM, and the namespace default.
type namespaceGuard struct{ reader client.Reader }

func (namespaceGuard) ValidateCreate(context.Context, *corev1.Namespace) (admission.Warnings, error) {
	return nil, nil
}

func (namespaceGuard) ValidateUpdate(context.Context, *corev1.Namespace, *corev1.Namespace) (admission.Warnings, error) {
	return nil, nil
}

func (g namespaceGuard) ValidateDelete(ctx context.Context, ns *corev1.Namespace) (admission.Warnings, error) {
	if ns.Name == metav1.NamespaceDefault {
		return nil, fmt.Errorf("namespace %q cannot be deleted", ns.Name)
	}
	var vms limav1.LimaVMList
	if err := g.reader.List(ctx, &vms, client.InNamespace(ns.Name)); err != nil {
		return nil, apierrors.NewInternalError(fmt.Errorf("listing LimaVMs: %w", err))
	}
	for i := range vms.Items {
		if ownedByApp(&vms.Items[i]) {
			_, owner, _ := reconcile.Owned(&vms.Items[i])
			return nil, fmt.Errorf("cannot delete namespace %q: it holds LimaVM %q, which is owned by App %q; delete the %s resource first",
				ns.Name, vms.Items[i].Name, owner, kind)
		}
	}
	return nil, nil
}
