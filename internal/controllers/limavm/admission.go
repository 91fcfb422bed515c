// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"fmt"
	"maps"
	"net/http"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
	"rancherdesktop.io/rdd/internal/rules"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// maxSocketName is how long the file name of a socket in an instance directory may become.
const maxSocketName = 16

// The resources that the rules are about.
var (
	limaVMs    = schema.GroupResource{Group: limav1.GroupVersion.Group, Resource: "limavms"}
	configMaps = schema.GroupResource{Resource: "configmaps"}
	namespaces = schema.GroupResource{Resource: "namespaces"}
)

// Rules returns the admission rules for LimaVMs and their templates. The rules read through reader,
// which has no cache. limaHome is the directory of the instance directories.
func Rules(scheme *runtime.Scheme, reader client.Reader, host template.Host, limaHome string) []rules.Rule {
	v := validator{reader: reader, host: host, limaHome: limaHome}
	requests := []string{
		limav1.AnnotationRestartRequested, limav1.AnnotationResetRequested, limav1.AnnotationForceStop, limav1.AnnotationAdoptFrom,
		limav1.AnnotationRetryRequested,
	}
	return append([]rules.Rule{
		reconcile.FinalizerGuard(limaVMs),
		reconcile.OwnerGuard(configMaps),
		reconcile.ClaimGuard(limaVMs, kind), reconcile.ClaimGuard(configMaps, kind),
		reconcile.MetadataGuard(limaVMs, requests...),
		reconcile.MetadataGuard(configMaps, requests...),
		rules.Exclusive{
			Resource: limaVMs, Subresource: "status", Writers: []string{rules.ControllerName(Name)},
			Instead: "its controller writes there what it has observed; change the spec instead, or ask with rdd limavm restart or reset",
		}.Rule(),
		{
			Name: "limavm-defaulter", Resource: limaVMs, Mutating: true,
			Operations: []admissionv1.Operation{admissionv1.Create},
			Handler:    admission.WithDefaulter[*limav1.LimaVM](scheme, defaulter{}),
		},
		{
			Name: "limavm-validator", Resource: limaVMs,
			Operations: []admissionv1.Operation{admissionv1.Create, admissionv1.Update},
			Handler:    admission.WithValidator[*limav1.LimaVM](scheme, limaVMValidator{v}),
		},
		{
			Name: "template-validator", Resource: configMaps,
			Operations: []admissionv1.Operation{admissionv1.Update},
			Match:      func(_, old metav1.Object) bool { return old != nil && ownedTemplate(old) },
			Handler:    admission.WithValidator[*corev1.ConfigMap](scheme, templateValidator{v}),
		},
	}, protectionRules(scheme, reader)...)
}

type defaulter struct{}

// Default adds the finalizer. Then the source ConfigMap that was created for a LimaVM is cleaned up
// even if the LimaVM is deleted before its first pass.
func (defaulter) Default(_ context.Context, vm *limav1.LimaVM) error {
	controllerutil.AddFinalizer(vm, limav1.FinalizerCleanup)
	return nil
}

type validator struct {
	reader   client.Reader
	host     template.Host
	limaHome string
}

// read reads an object and reports whether it exists. Errors other than NotFound become internal
// errors, as they are not the caller's fault.
func (v validator) read(ctx context.Context, key client.ObjectKey, obj client.Object) (bool, error) {
	err := v.reader.Get(ctx, key, obj)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, apierrors.NewInternalError(fmt.Errorf("reading %s: %w", key, err))
	}
	return true, nil
}

type limaVMValidator struct{ validator }

// ValidateCreate refuses names that are invalid or taken, and invalid templates.
func (v limaVMValidator) ValidateCreate(ctx context.Context, vm *limav1.LimaVM) (admission.Warnings, error) {
	for _, check := range []func(context.Context, *limav1.LimaVM) error{
		v.checkName, v.checkUnique, v.checkTemplateName, v.checkRenaming, v.checkSource,
	} {
		if err := check(ctx, vm); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// ValidateUpdate validates changed params together with the template. Of a LimaVM whose machine is
// being renamed it refuses changes that would be lost.
func (v limaVMValidator) ValidateUpdate(ctx context.Context, old, vm *limav1.LimaVM) (admission.Warnings, error) {
	if !vm.DeletionTimestamp.IsZero() {
		return nil, nil
	}
	if err := v.checkWhileRenaming(ctx, old, vm); err != nil {
		return nil, err
	}
	if maps.Equal(old.Spec.Params, vm.Spec.Params) {
		return nil, nil
	}
	if vm.Status.TemplateConfigMap == "" {
		return nil, v.checkSource(ctx, vm)
	}
	own := templateOf(vm)
	found, err := v.read(ctx, client.ObjectKeyFromObject(own), own)
	if err != nil || !found {
		return nil, err
	}
	return nil, v.checkChange(vm, side{own, old.Spec.Params}, side{own, vm.Spec.Params})
}

// ValidateDelete allows every deletion. The finalizer guard refuses to delete owned objects.
func (limaVMValidator) ValidateDelete(context.Context, *limav1.LimaVM) (admission.Warnings, error) {
	return nil, nil
}

// checkName limits the length of a name: the instance directory has the name and holds sockets,
// whose paths are limited.
func (v limaVMValidator) checkName(_ context.Context, vm *limav1.LimaVM) error {
	if problems := validation.IsDNS1123Label(vm.Name); len(problems) > 0 {
		return fmt.Errorf("LimaVM name %q is not valid: %s", vm.Name, problems[0])
	}
	longest := template.MaxSocketPath - len(v.limaHome) - len("//") - maxSocketName
	if longest < 1 {
		return fmt.Errorf("%s is too long a path: sockets of LimaVMs are below it, and must fit in 104 bytes; "+
			"stop the daemon, set RDD_SHORT_DIR to a directory with a shorter path, and start it again", v.limaHome)
	}
	if len(vm.Name) > longest {
		return fmt.Errorf("LimaVM name %q is too long: socket paths below %s must fit in 104 bytes; use at most %d characters",
			vm.Name, v.limaHome, max(longest, 0))
	}
	return nil
}

// checkUnique refuses a name early that is used in another namespace. Two requests at the same time
// may both pass; the engine refuses the second instance.
func (v limaVMValidator) checkUnique(ctx context.Context, vm *limav1.LimaVM) error {
	var all limav1.LimaVMList
	if err := v.reader.List(ctx, &all, client.MatchingFields{"metadata.name": vm.Name}); err != nil {
		return apierrors.NewInternalError(fmt.Errorf("listing LimaVMs: %w", err))
	}
	for _, other := range all.Items {
		if other.Namespace != vm.Namespace {
			return fmt.Errorf("LimaVM name %q is already used in namespace %q; LimaVM names are unique across all namespaces",
				vm.Name, other.Namespace)
		}
	}
	return nil
}

func (v limaVMValidator) checkTemplateName(ctx context.Context, vm *limav1.LimaVM) error {
	own := templateOf(vm)
	found, err := v.read(ctx, client.ObjectKeyFromObject(own), own)
	if err != nil || !found {
		return err
	}
	way := "delete that or choose another name"
	if other := own.Labels[limav1.LabelSourceOf]; other != "" {
		way = fmt.Sprintf("it belongs to LimaVM %q: choose another name", other)
	}
	return fmt.Errorf("cannot create LimaVM %q: its template would be ConfigMap %q, which already exists; %s",
		vm.Name, client.ObjectKeyFromObject(own), way)
}

func (v limaVMValidator) checkSource(ctx context.Context, vm *limav1.LimaVM) error {
	source := &corev1.ConfigMap{}
	key := sourceKey(vm)
	found, err := v.read(ctx, key, source)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("cannot create LimaVM %q: the source ConfigMap %q does not exist", vm.Name, key)
	}
	return validateTemplate(source, vm.Spec.Params, v.host)
}

// validateTemplate refuses an invalid template. The error has the field as a cause, so that clients
// need not parse the message.
func validateTemplate(cm *corev1.ConfigMap, params map[string]string, host template.Host) error {
	err := checkTemplate(cm, params, host)
	if err == nil {
		return nil
	}
	fault := vm.FaultOf(err)
	cause := metav1.StatusCause{Type: limav1.CauseInvalidTemplate, Field: fault.Field, Message: fault.Text}
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden,
		Message: inConfigMap(cm, err).Error(), Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{cause}},
	}}
}

type templateValidator struct{ validator }

// ownedTemplate reports whether a ConfigMap is a LimaVM's own template.
func ownedTemplate(cm metav1.Object) bool {
	kindOfOwner, _, owned := reconcile.Owned(cm)
	return owned && kindOfOwner == kind
}

func (templateValidator) ValidateCreate(context.Context, *corev1.ConfigMap) (admission.Warnings, error) {
	return nil, nil
}

func (templateValidator) ValidateDelete(context.Context, *corev1.ConfigMap) (admission.Warnings, error) {
	return nil, nil
}

// ValidateUpdate refuses to make a template invalid, to remove its label, and to change anything
// else in the ConfigMap than the template: an immutable one would not follow changes any more.
func (v templateValidator) ValidateUpdate(ctx context.Context, old, cm *corev1.ConfigMap) (admission.Warnings, error) {
	_, owner, _ := reconcile.Owned(old)
	if label := limav1.LabelTemplateConfigMap; old.Labels[label] == "true" && cm.Labels[label] != "true" {
		return nil, fmt.Errorf("cannot remove label %q from ConfigMap %q: the resource is owned by LimaVM %q", label, cm.Name, owner)
	}
	if what := changedBeside(old, cm); what != "" {
		return nil, fmt.Errorf("cannot change %s of ConfigMap %q: it is owned by LimaVM %q and holds its template; change data.%s alone",
			what, cm.Name, owner, limav1.TemplateKey)
	}
	before, had := old.Data[limav1.TemplateKey]
	if after, has := cm.Data[limav1.TemplateKey]; before == after && had == has {
		return nil, nil
	}
	vm := &limav1.LimaVM{}
	if _, err := v.read(ctx, client.ObjectKey{Namespace: cm.Namespace, Name: owner}, vm); err != nil {
		return nil, err
	}
	if err := v.refuseWhileRenaming(ctx, vm); err != nil {
		return nil, err
	}
	return nil, v.checkChange(vm, side{old, vm.Spec.Params}, side{cm, vm.Spec.Params})
}

// changedBeside returns what an update changes in a template's ConfigMap beside the template; empty
// when that is nothing.
func changedBeside(old, cm *corev1.ConfigMap) string {
	beside := func(c *corev1.ConfigMap) map[string]string {
		data := maps.Clone(c.Data)
		delete(data, limav1.TemplateKey)
		return data
	}
	switch {
	case !equality.Semantic.DeepEqual(old.Immutable, cm.Immutable):
		return "immutable"
	case !equality.Semantic.DeepEqual(old.BinaryData, cm.BinaryData):
		return "binaryData"
	case !maps.Equal(beside(old), beside(cm)):
		return "another key"
	default:
		return ""
	}
}
