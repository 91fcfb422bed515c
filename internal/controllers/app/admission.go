// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
	"rancherdesktop.io/rdd/internal/rules"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// engineController is the controller of container engines. It writes its part of the App's status.
const engineController = "engine"

// The resources that the rules are about.
var (
	apps       = schema.GroupResource{Group: appv1.GroupVersion.Group, Resource: "apps"}
	limaVMs    = schema.GroupResource{Group: limav1.GroupVersion.Group, Resource: "limavms"}
	configMaps = schema.GroupResource{Resource: "configmaps"}
	namespaces = schema.GroupResource{Resource: "namespaces"}
)

// Rules returns the admission rules for Apps and for the objects that an App owns. The rules read
// through reader, which has no cache.
func Rules(scheme *runtime.Scheme, reader client.Reader, facts Facts) []rules.Rule {
	write := []admissionv1.Operation{admissionv1.Create, admissionv1.Update}
	update, remove := write[1:], []admissionv1.Operation{admissionv1.Delete}
	return []rules.Rule{
		reconcile.FinalizerGuard(apps), reconcile.ClaimGuard(apps, kind, limaVMKind),
		rules.Exclusive{
			Resource: apps, Subresource: "status", Writers: []string{rules.ControllerName(kind), rules.ControllerName(engineController)},
			Instead: "rdd's controllers write there what they have observed; change the spec instead: rdd set, rdd start, rdd stop",
		}.Rule(),
		{
			Name: "app-memory-guard", Resource: apps, Operations: write, Mutating: true, // the first: before anything reads a quantity
			Handler: admission.HandlerFunc(guardMemory),
		},
		{
			Name: "app-defaulter", Resource: apps, Operations: write, Mutating: true,
			Handler: admission.WithDefaulter[*appv1.App](scheme, defaulter{facts}),
		},
		{
			Name: "app-validator", Resource: apps, Operations: write,
			Handler: admission.WithValidator[*appv1.App](scheme, validator{facts}),
		},
		{
			Name: "app-limavm-guard", Resource: limaVMs, Operations: update,
			Match:   func(_, old metav1.Object) bool { return old != nil && ownedByApp(old) },
			Handler: admission.WithValidator[*limav1.LimaVM](scheme, limaVMGuard{}),
		},
		{
			Name: "app-template-guard", Resource: configMaps, Operations: update,
			Match:   func(_, old metav1.Object) bool { return old != nil && (isTemplate(old) || isInput(old)) },
			Handler: admission.WithValidator[*corev1.ConfigMap](scheme, templateGuard{reader: reader}),
		},
		{
			Name: "app-namespace-guard", Resource: namespaces, Operations: remove,
			Handler: admission.WithValidator[*corev1.Namespace](scheme, namespaceGuard{reader: reader}),
		},
		reconcile.MetadataGuard(namespaces),
		reconcile.ClaimGuard(limaVMs, kind), reconcile.ClaimGuard(configMaps, kind),
	}
}

// readableQuantity matches quantities that are parsed at once. Kubernetes' parser accepts any
// exponent and computes the number, which may take hours. The schema cannot prevent that: it is
// validated after the defaulters have run.
var readableQuantity = regexp.MustCompile(`^[^eE]{0,64}([eE][+-]?[0-9]{1,2}|Ei?)?$`)

// guardMemory refuses an amount of memory that would take too long to parse. It accepts other
// invalid ones: whatever parses them refuses them.
func guardMemory(_ context.Context, request admission.Request) admission.Response {
	object := map[string]any{}
	if err := json.Unmarshal(request.Object.Raw, &object); err != nil {
		return admission.Errored(http.StatusBadRequest, fmt.Errorf("reading the App: %w", err))
	}
	text, _, _ := unstructured.NestedString(object, "spec", "virtualMachine", "memory") // the schema refuses other types
	if readableQuantity.MatchString(text) {
		return admission.Allowed("")
	}
	return admission.Denied(fmt.Sprintf("spec.virtualMachine.memory must be an amount of memory such as 4Gi; got %.40q", text))
}

type defaulter struct{ facts Facts }

// Default sets the defaults that depend on the host. It fails for a new App on a host with less
// memory than a machine needs. One that exists can still be stopped there.
func (d defaulter) Default(ctx context.Context, app *appv1.App) error {
	if !app.DeletionTimestamp.IsZero() {
		return nil
	}
	machine := &app.Spec.VirtualMachine
	if machine.Mounts == nil {
		machine.Mounts = d.mounts()
	}
	if machine.CPUs == 0 {
		machine.CPUs = defaultCPUs(d.facts.Host)
	}
	if machine.Memory != nil {
		return nil
	}
	if d.facts.Host.Memory < minMemory {
		if req, err := admission.RequestFromContext(ctx); err == nil && req.Operation == admissionv1.Update {
			return nil
		}
		return fmt.Errorf("this host cannot give a virtual machine the %s of memory that it needs: it has %s itself",
			quantity(minMemory), quantity(d.facts.Host.Memory))
	}
	machine.Memory = quantity(defaultMemory(d.facts.Host))
	return nil
}

// mounts returns the default mounts: the user's home, or none where it cannot be shared.
func (d defaulter) mounts() []appv1.Mount {
	if d.facts.homeProblem() != nil {
		return []appv1.Mount{}
	}
	return defaultMounts()
}

// quantity returns bytes as a quantity, rounded down to whole MiB.
func quantity(bytes int64) *resource.Quantity {
	return resource.NewQuantity(bytes>>20<<20, resource.BinarySI)
}

type validator struct{ facts Facts }

// ValidateCreate validates the whole spec.
func (v validator) ValidateCreate(_ context.Context, app *appv1.App) (admission.Warnings, error) {
	if socket := v.facts.DockerSocket; len(socket) > template.MaxSocketPath {
		return nil, fmt.Errorf("%s is too long for the path of a Unix socket, which has at most %d bytes; "+
			"stop the daemon, set RDD_SHORT_DIR to a directory with a shorter path, and start it again", socket, template.MaxSocketPath)
	}
	return v.warn(app.Spec), v.validate(appv1.AppSpec{}, app.Spec)
}

// warn returns a warning when a new App gets no mounts because the user's home cannot be shared.
func (v validator) warn(spec appv1.AppSpec) admission.Warnings {
	if len(spec.VirtualMachine.Mounts) > 0 {
		return nil
	}
	problem := v.facts.homeProblem()
	if problem == nil {
		return nil
	}
	return admission.Warnings{
		fmt.Sprintf("your home is not visible in the virtual machine, so that containers cannot mount your directories: %v", problem),
	}
}

// ValidateUpdate validates only the fields that have changed. An App that was valid on a larger
// host can still be stopped and deleted.
func (v validator) ValidateUpdate(_ context.Context, old, app *appv1.App) (admission.Warnings, error) {
	if !app.DeletionTimestamp.IsZero() {
		return nil, nil
	}
	return nil, v.validate(old.Spec, app.Spec)
}

// ValidateDelete allows every deletion.
func (validator) ValidateDelete(context.Context, *appv1.App) (admission.Warnings, error) {
	return nil, nil
}

func (v validator) validate(old, spec appv1.AppSpec) error {
	if k := spec.Kubernetes; k != old.Kubernetes && (k.Enabled || k.Version != "") {
		return fmt.Errorf("spec.kubernetes: this build has no Kubernetes yet; leave enabled false and version empty")
	}
	machine, host := spec.VirtualMachine, v.facts.Host
	if machine.CPUs != old.VirtualMachine.CPUs && (machine.CPUs < 1 || int(machine.CPUs) > host.CPUs) {
		return fmt.Errorf("spec.virtualMachine.cpus must be between 1 and %d, the number of this host's CPUs; got %d", host.CPUs, machine.CPUs)
	}
	if memory := machine.Memory; memory != nil && (old.VirtualMachine.Memory == nil || memory.Cmp(*old.VirtualMachine.Memory) != 0) {
		if memory.Value() < minMemory || memory.Value() > host.Memory {
			return fmt.Errorf("spec.virtualMachine.memory must be between %s and %s, this host's memory; got %s",
				quantity(minMemory), quantity(host.Memory), memory)
		}
	}
	return v.validateMounts(old.VirtualMachine.Mounts, machine.Mounts)
}

// validateMounts validates mounts by rendering them into a template and loading it: package
// template defines what is valid.
func (v validator) validateMounts(old, mounts []appv1.Mount) error {
	if slices.Equal(old, mounts) {
		return nil
	}
	text, err := render(v.facts.wanted(appv1.AppSpec{VirtualMachine: appv1.VirtualMachineSpec{Mounts: mounts}}))
	if err != nil {
		return err
	}
	if _, err := v.facts.load(text); err != nil {
		return fmt.Errorf("spec.virtualMachine: %w", err)
	}
	return nil
}
