// SPDX-License-Identifier: Apache-2.0

// Package definitions has the admission rule that guards rdd's own CustomResourceDefinitions. It is
// tested in test/integration.
package definitions

import (
	"context"
	"fmt"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	webhook "sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"rancherdesktop.io/rdd/internal/rules"
)

// groupSuffix is the suffix of the names of rdd's API groups, and of their definitions.
const groupSuffix = ".rancherdesktop.io"

// Guard returns the admission rule that lets only the daemon change or delete rdd's
// CustomResourceDefinitions. Deleting one would delete all its resources, and no controller could
// stop their machines. known must have the types of CustomResourceDefinitions.
func Guard(known *runtime.Scheme) rules.Rule {
	return rules.Rule{
		Name:       "crd-guard",
		Resource:   schema.GroupResource{Group: apiextensionsv1.GroupName, Resource: "customresourcedefinitions"},
		Operations: []admissionv1.Operation{admissionv1.Update, admissionv1.Delete},
		Match:      func(_, old metav1.Object) bool { return old != nil && strings.HasSuffix(old.GetName(), groupSuffix) },
		Handler:    webhook.WithValidator[*apiextensionsv1.CustomResourceDefinition](known, validator{}),
	}
}

type validator struct{}

func (validator) ValidateCreate(context.Context, *apiextensionsv1.CustomResourceDefinition) (webhook.Warnings, error) {
	return nil, nil
}

func (validator) ValidateDelete(ctx context.Context, d *apiextensionsv1.CustomResourceDefinition) (webhook.Warnings, error) {
	return nil, refuse(ctx, "delete", d.Name)
}

// ValidateUpdate allows changes of metadata, and of fields that only concern the display.
func (validator) ValidateUpdate(ctx context.Context, old, d *apiextensionsv1.CustomResourceDefinition) (webhook.Warnings, error) {
	if equality.Semantic.DeepEqual(essence(old), essence(d)) {
		return nil, nil
	}
	return nil, refuse(ctx, "change", d.Name)
}

// essence returns a definition's spec without the fields that may be changed.
func essence(d *apiextensionsv1.CustomResourceDefinition) apiextensionsv1.CustomResourceDefinitionSpec {
	spec := d.Spec.DeepCopy()
	spec.Names.ShortNames, spec.Names.Categories = nil, nil
	for i := range spec.Versions {
		spec.Versions[i].AdditionalPrinterColumns = nil
	}
	return *spec
}

// refuse returns the refusal of a request, unless the daemon has sent it.
func refuse(ctx context.Context, verb, name string) error {
	req, err := webhook.RequestFromContext(ctx)
	if err != nil || req.UserInfo.Username == rules.DaemonName {
		return err
	}
	return fmt.Errorf("cannot %s CustomResourceDefinition %q: it belongs to rdd; "+
		"to start over with nothing, use `rdd service reset`", verb, name)
}
