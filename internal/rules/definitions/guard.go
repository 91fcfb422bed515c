// SPDX-License-Identifier: Apache-2.0

// Package definitions has the admission rules that guard rdd's own CustomResourceDefinitions. They
// are tested in test/integration.
package definitions

import (
	"context"
	"fmt"
	"slices"
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

const (
	// domain is the domain of rdd's API groups: they are rancherdesktop.io and those below it.
	domain = "rancherdesktop.io"
	// AnnotationHash is on the definitions that a daemon has installed. It identifies their content.
	AnnotationHash = "rdd.rancherdesktop.io/definition-hash"
	// AnnotationBuild is on them, too: the version.Build of that daemon's program, as JSON.
	AnnotationBuild = "rdd.rancherdesktop.io/definition-build"
	// serverName is the user name of the API server itself, which writes a definition's status.
	serverName = "system:apiserver"
)

// Guard returns the admission rules that let only the daemon make, change and delete rdd's
// CustomResourceDefinitions. Deleting one would delete all its resources, and no controller could
// stop their machines. known must have the types of CustomResourceDefinitions. names are those of
// this program's definitions; others that a daemon has installed are a newer program's.
//
// A definition of rdd's API groups that somebody else has made before is guarded by nothing: it can
// be deleted.
func Guard(known *runtime.Scheme, names []string) []rules.Rule {
	v := validator{names: names}
	resource := schema.GroupResource{Group: apiextensionsv1.GroupName, Resource: "customresourcedefinitions"}
	return []rules.Rule{
		{
			Name: "crd-guard", Resource: resource,
			Operations: []admissionv1.Operation{admissionv1.Create, admissionv1.Update, admissionv1.Delete},
			Match:      func(obj, old metav1.Object) bool { return reserved(obj) || reserved(old) },
			Handler:    webhook.WithValidator[*apiextensionsv1.CustomResourceDefinition](known, v),
		},
		rules.Exclusive{
			Resource: resource, Subresource: "status", Writers: []string{rules.DaemonName, serverName}, Match: v.own,
			Instead: "it belongs to rdd; to start over with nothing, use `rdd service reset`",
		}.Rule(),
	}
}

// reserved reports whether a definition is of an API group of rdd's domain.
func reserved(definition metav1.Object) bool {
	return definition != nil && strings.HasSuffix(definition.GetName(), "."+domain)
}

type validator struct{ names []string }

// own reports whether a definition is rdd's: this program's, or one that a daemon has installed.
func (v validator) own(definition metav1.Object) bool {
	_, installed := definition.GetAnnotations()[AnnotationHash]
	return slices.Contains(v.names, definition.GetName()) || installed && reserved(definition)
}

// ValidateCreate refuses definitions of rdd's API groups: a later rdd may have one of that name.
func (validator) ValidateCreate(ctx context.Context, d *apiextensionsv1.CustomResourceDefinition) (webhook.Warnings, error) {
	return nil, unlessDaemon(ctx, fmt.Errorf(
		"cannot create CustomResourceDefinition %q: the API groups of %s are rdd's own; choose another group", d.Name, domain,
	))
}

// ValidateDelete refuses to delete rdd's own definitions.
func (v validator) ValidateDelete(ctx context.Context, d *apiextensionsv1.CustomResourceDefinition) (webhook.Warnings, error) {
	if !v.own(d) {
		return nil, nil
	}
	return nil, unlessDaemon(ctx, refusal("delete", d.Name))
}

// ValidateUpdate allows changes of metadata, and of fields that only concern the display.
func (v validator) ValidateUpdate(ctx context.Context, old, d *apiextensionsv1.CustomResourceDefinition) (webhook.Warnings, error) {
	if !v.own(old) && !v.own(d) || equality.Semantic.DeepEqual(essence(old), essence(d)) && sameMarks(old, d) {
		return nil, nil
	}
	return nil, unlessDaemon(ctx, refusal("change", d.Name))
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

// sameMarks reports whether the annotations are equal by which a daemon recognises its definitions.
func sameMarks(a, b metav1.Object) bool {
	for _, name := range []string{AnnotationHash, AnnotationBuild} {
		before, had := a.GetAnnotations()[name]
		after, has := b.GetAnnotations()[name]
		if had != has || before != after {
			return false
		}
	}
	return true
}

func refusal(verb, name string) error {
	return fmt.Errorf("cannot %s CustomResourceDefinition %q: it belongs to rdd; "+
		"to start over with nothing, use `rdd service reset`", verb, name)
}

// unlessDaemon returns the refusal, unless the daemon has sent the request.
func unlessDaemon(ctx context.Context, refusal error) error {
	req, err := webhook.RequestFromContext(ctx)
	if err != nil || req.UserInfo.Username == rules.DaemonName {
		return err
	}
	return refusal
}
