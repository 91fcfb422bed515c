// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/session"
)

// storeSource creates the source ConfigMap. The error for one that exists says whose it is and what
// to do.
func storeSource(
	ctx context.Context, c ctrlclient.Client, o createOptions, source *corev1.ConfigMap, options ...ctrlclient.CreateOption,
) error {
	err := c.Create(ctx, source, append(options, session.FieldOwner)...)
	if apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("storing the template: %w; %s", err, wayAround(ctx, c, o))
	}
	if err != nil {
		return fmt.Errorf("storing the template: %w", err)
	}
	return nil
}

// wayAround says what to do about a ConfigMap in the place of the source. It advises to delete one
// only if the API server allows that and no LimaVM was made from it.
func wayAround(ctx context.Context, c ctrlclient.Client, o createOptions) string {
	other := "give the virtual machine another name than " + o.name
	present := &corev1.ConfigMap{}
	if err := c.Get(ctx, ctrlclient.ObjectKey{Namespace: o.namespace, Name: o.name}, present); err != nil {
		return other
	}
	if user := userOf(ctx, c, present); user != "" {
		return fmt.Sprintf("it is the template of LimaVM %q: %s", user, other)
	}
	if err := c.Delete(ctx, present, ctrlclient.DryRunAll); err != nil {
		return "it is in use: " + other
	}
	return fmt.Sprintf("to remove it: rdd ctl delete configmap %s -n %s; to keep it: %s", o.name, o.namespace, other)
}

// userOf returns the name of the LimaVM whose template a ConfigMap is, or was; empty when there is
// none. That the LimaVMs cannot be read counts as none.
func userOf(ctx context.Context, c ctrlclient.Reader, cm *corev1.ConfigMap) string {
	list := &limav1.LimaVMList{}
	if err := c.List(ctx, list); err != nil {
		return ""
	}
	for _, machine := range list.Items {
		own := machine.Namespace == cm.Namespace && (machine.Status.TemplateConfigMap == cm.Name || machine.Name+limav1.TemplateSuffix == cm.Name)
		ref := machine.Spec.TemplateRef
		if ref.Namespace == "" {
			ref.Namespace = machine.Namespace
		}
		if own || ref.Namespace == cm.Namespace && ref.Name == cm.Name {
			return machine.Name
		}
	}
	return ""
}
