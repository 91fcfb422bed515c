// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"fmt"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/rules"
)

// protectionRules refuse to delete and to reset a protected LimaVM, for every caller but its own
// controller, and to delete a namespace that has one. They read through reader, which has no cache.
func protectionRules(scheme *runtime.Scheme, reader client.Reader) []rules.Rule {
	return []rules.Rule{
		{
			Name: "protection-guard", Resource: limaVMs,
			Operations: []admissionv1.Operation{admissionv1.Delete, admissionv1.Update},
			Match: func(obj, old metav1.Object) bool {
				return old != nil && limav1.Protected(old) || obj != nil && limav1.Protected(obj)
			},
			Handler: admission.WithValidator[*limav1.LimaVM](scheme, protectionGuard{reader}),
		},
		{
			Name: "protection-namespace-guard", Resource: namespaces, Operations: []admissionv1.Operation{admissionv1.Delete},
			Handler: admission.WithValidator[*corev1.Namespace](scheme, protectedNamespaceGuard{reader}),
		},
	}
}

type protectionGuard struct{ reader client.Reader }

func (protectionGuard) ValidateCreate(context.Context, *limav1.LimaVM) (admission.Warnings, error) {
	return nil, nil
}

// ValidateUpdate refuses a request for a reset. The request that also ends the protection passes.
// It warns of what follows where the LimaVM's namespace is being deleted.
func (g protectionGuard) ValidateUpdate(ctx context.Context, old, vm *limav1.LimaVM) (admission.Warnings, error) {
	asked := vm.Annotations[limav1.AnnotationResetRequested]
	if limav1.Protected(old) && limav1.Protected(vm) && asked != "" && asked != old.Annotations[limav1.AnnotationResetRequested] {
		return nil, refuseProtected("reset", vm.Name)
	}
	if limav1.Protected(old) == limav1.Protected(vm) || !vm.DeletionTimestamp.IsZero() {
		return nil, nil
	}
	going, err := g.inDeletedNamespace(ctx, vm)
	switch {
	case err != nil || !going:
		return nil, err
	case limav1.Protected(vm):
		return admission.Warnings{fmt.Sprintf("namespace %q is being deleted: LimaVM %q is kept only until its protection ends",
			vm.Namespace, vm.Name)}, nil
	}
	return admission.Warnings{fmt.Sprintf("LimaVM %q is deleted now, with its disk: its namespace %q is being deleted, and only "+
		"the protection has kept it", vm.Name, vm.Namespace)}, nil
}

// inDeletedNamespace reports whether a LimaVM's namespace is being deleted.
func (g protectionGuard) inDeletedNamespace(ctx context.Context, vm *limav1.LimaVM) (bool, error) {
	namespace := &corev1.Namespace{}
	err := g.reader.Get(ctx, client.ObjectKey{Name: vm.Namespace}, namespace)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, apierrors.NewInternalError(fmt.Errorf("reading namespace %s: %w", vm.Namespace, err))
	}
	return !namespace.DeletionTimestamp.IsZero(), nil
}

// ValidateDelete refuses the deletion, unless it has begun before the LimaVM was protected. The
// LimaVM controller deletes one only when another has its machine: see finishRenaming.
func (protectionGuard) ValidateDelete(ctx context.Context, vm *limav1.LimaVM) (admission.Warnings, error) {
	if !vm.DeletionTimestamp.IsZero() || byController(ctx) {
		return nil, nil
	}
	return nil, refuseProtected("delete", vm.Name)
}

// byController reports whether a request is the LimaVM controller's.
func byController(ctx context.Context) bool {
	req, err := admission.RequestFromContext(ctx)
	return err == nil && req.UserInfo.Username == rules.ControllerName(Name)
}

func refuseProtected(verb, name string) error {
	return fmt.Errorf("cannot %s LimaVM %q: it is protected; to end the protection: rdd limavm unprotect %s", verb, name, name)
}

// protectedNamespaceGuard refuses to delete a namespace that has protected LimaVMs. All else in it
// would be deleted, and they as soon as their protection ends.
type protectedNamespaceGuard struct{ reader client.Reader }

func (protectedNamespaceGuard) ValidateCreate(context.Context, *corev1.Namespace) (admission.Warnings, error) {
	return nil, nil
}

func (protectedNamespaceGuard) ValidateUpdate(context.Context, *corev1.Namespace, *corev1.Namespace) (admission.Warnings, error) {
	return nil, nil
}

// ValidateDelete names the protected LimaVMs. A deletion that has begun is not refused.
func (g protectedNamespaceGuard) ValidateDelete(ctx context.Context, namespace *corev1.Namespace) (admission.Warnings, error) {
	if !namespace.DeletionTimestamp.IsZero() {
		return nil, nil
	}
	var all limav1.LimaVMList
	if err := g.reader.List(ctx, &all, client.InNamespace(namespace.Name)); err != nil {
		return nil, apierrors.NewInternalError(fmt.Errorf("listing LimaVMs: %w", err))
	}
	var names []string
	for i := range all.Items {
		if vm := &all.Items[i]; limav1.Protected(vm) && vm.DeletionTimestamp.IsZero() {
			names = append(names, vm.Name)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	return nil, fmt.Errorf("cannot delete namespace %q: it has protected LimaVMs: %s; to end the protection: rdd limavm unprotect %s",
		namespace.Name, strings.Join(names, ", "), strings.Join(names, " "))
}
