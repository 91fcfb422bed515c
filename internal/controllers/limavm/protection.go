// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"fmt"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/rules"
)

// protectionRule refuses to delete and to reset a protected LimaVM, for every caller but its own
// controller.
func protectionRule(scheme *runtime.Scheme) rules.Rule {
	return rules.Rule{
		Name: "protection-guard", Resource: limaVMs,
		Operations: []admissionv1.Operation{admissionv1.Delete, admissionv1.Update},
		Match:      func(_, old metav1.Object) bool { return old != nil && limav1.Protected(old) },
		Handler:    admission.WithValidator[*limav1.LimaVM](scheme, protectionGuard{}),
	}
}

type protectionGuard struct{}

func (protectionGuard) ValidateCreate(context.Context, *limav1.LimaVM) (admission.Warnings, error) {
	return nil, nil
}

// ValidateUpdate refuses a request for a reset. The request that also ends the protection passes.
func (protectionGuard) ValidateUpdate(_ context.Context, old, vm *limav1.LimaVM) (admission.Warnings, error) {
	asked := vm.Annotations[limav1.AnnotationResetRequested]
	if asked == "" || asked == old.Annotations[limav1.AnnotationResetRequested] || !limav1.Protected(vm) {
		return nil, nil
	}
	return nil, refuseProtected("reset", vm.Name)
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
