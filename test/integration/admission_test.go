// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
)

const validTemplate = "images: [{location: 'rdd:docker'}]\nparam: {greeting: hello}\n"

func newConfigMap(ns, name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}, Data: data}
}

func newVM(ns, name, source string, change func(*limav1.LimaVM)) *limav1.LimaVM {
	vm := &limav1.LimaVM{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}}
	vm.Spec.TemplateRef.Name = source
	if change != nil {
		change(vm)
	}
	return vm
}

// create creates an object, for real or not.
func (e *env) create(obj client.Object, options ...client.CreateOption) error {
	return e.user.Create(context.Background(), obj.DeepCopyObject().(client.Object), options...)
}

func TestLimaVMCreationIsValidated(t *testing.T) {
	e := newEnv(t)
	e.must(e.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "other"}}))
	for name, data := range map[string]map[string]string{
		"good":        {"template": validTemplate},
		"keyless":     {"something": "else"},
		"empty":       {"template": ""},
		"no-yaml":     {"template": "a: [b"},
		"cray":        {"template": "arch: cray-1\n" + validTemplate},
		"unknown":     {"template": "nonsense: true\n" + validTemplate},
		"vm-template": {"unrelated": "yes"},
	} {
		e.must(e.create(newConfigMap("default", name, data)))
	}
	e.must(e.create(newVM("default", "first", "good", nil)))
	long := strings.Repeat("x", 60)
	for _, test := range []struct {
		name  string
		vm    *limav1.LimaVM
		parts []string
	}{
		{"template missing", newVM("default", "vm1", "nothing", nil), []string{`"default/nothing"`, "does not exist"}},
		{
			"template in another namespace missing",
			newVM("default", "vm1", "good", func(vm *limav1.LimaVM) { vm.Spec.TemplateRef.Namespace = "other" }), []string{`"other/good"`},
		},
		{"no key", newVM("default", "vm1", "keyless", nil), []string{`"default/keyless"`, `"template"`}},
		{"empty", newVM("default", "vm1", "empty", nil), []string{`"default/empty"`, `"template" data cannot be empty`}},
		{"no YAML", newVM("default", "vm1", "no-yaml", nil), []string{`"default/no-yaml"`, "failed to parse template"}},
		{
			"invalid", newVM("default", "vm1", "cray", nil),
			[]string{`"default/cray"`, "failed to validate template", "field `arch`", "got `cray-1`"},
		},
		{"unknown field", newVM("default", "vm1", "unknown", nil), []string{"nonsense"}},
		{
			"unknown param", newVM("default", "vm1", "good", func(vm *limav1.LimaVM) { vm.Spec.Params = map[string]string{"greting": "x"} }),
			[]string{"param.greting"},
		},
		{"template name taken", newVM("default", "vm", "good", nil), []string{`"default/vm-template"`, "already exists"}},
		{
			"name used elsewhere", newVM("other", "first", "good", func(vm *limav1.LimaVM) { vm.Spec.TemplateRef.Namespace = "default" }),
			[]string{"already used", `"default"`, "LimaVM names are unique across all namespaces"},
		},
		{"no DNS label", newVM("default", "a.b", "good", nil), []string{`"a.b"`, "not valid"}},
		{"too long for sockets", newVM("default", long+"1", "good", nil), []string{"too long", "104 bytes", "at most"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := e.in(t)
			e.mustRefuse(e.create(test.vm), test.parts...)
			e.mustRefuse(e.create(test.vm, client.DryRunAll), test.parts...)
			e.mustNotExist(test.vm.Namespace, test.vm.Name, &limav1.LimaVM{})
		})
	}
	e.must(e.create(newVM("default", "dry", "good", nil), client.DryRunAll))
	e.mustNotExist("default", "dry", &limav1.LimaVM{})
	e.mustNotExist("default", "dry-template", &corev1.ConfigMap{})
	e.must(e.create(newVM("other", "far", "good", func(vm *limav1.LimaVM) { vm.Spec.TemplateRef.Namespace = "default" })))
}

func TestLimaVMChangesAreValidated(t *testing.T) {
	e := newEnv(t)
	e.must(e.create(newConfigMap("default", "good", map[string]string{"template": validTemplate})))
	e.must(e.create(newVM("default", "vm", "good", nil)))
	merge := func(text string, options ...client.PatchOption) error {
		return e.user.Patch(context.Background(), newVM("default", "vm", "", nil), client.RawPatch(
			types.MergePatchType, []byte(text),
		), options...)
	}
	e.mustInvalid(merge(`{"spec":{"templateRef":{"name":"another"}}}`), "spec.templateRef is immutable")
	e.mustRefuse(merge(`{"spec":{"params":{"greting":"x"}}}`), "param.greting")
	e.mustRefuse(merge(`{"spec":{"params":{"greting":"x"}}}`, client.DryRunAll), "param.greting")
	e.must(merge(`{"spec":{"params":{"greeting":"x"},"running":true}}`))
}

func TestTemplateChangesAreValidated(t *testing.T) {
	e := start(t)
	e.must(e.create(newConfigMap("default", "good", map[string]string{"template": validTemplate})))
	e.must(e.create(newVM("default", "vm", "good", func(vm *limav1.LimaVM) { vm.Spec.Params = map[string]string{"greeting": "hej"} })))
	e.waitVM("default", "vm", limav1.ConditionCreated, check{status: metav1.ConditionTrue})
	own := newConfigMap("default", "vm-template", nil)
	before := e.configMap("default", "vm-template")
	e.refuseAll(
		own, []string{"data", "template"}, "arch: cray-1\n"+validTemplate, `"default/vm-template"`, "failed to validate template", "got `cray-1`",
	)
	e.refuseAll(own, []string{"data", "template"}, "a: [b", "failed to parse template")
	e.refuseAll(own, []string{"data", "template"}, "", `"template" data cannot be empty`)
	e.refuseAll(own, []string{"data", "template"}, "images: [{location: 'rdd:docker'}]\n", "param.greeting")
	keyless := client.RawPatch(types.MergePatchType, []byte(`{"data":null}`))
	e.mustRefuse(e.user.Patch(context.Background(), own.DeepCopy(), keyless), `has no key "template"`)
	if now := e.configMap("default", "vm-template"); now.Data["template"] != before.Data["template"] ||
		now.ResourceVersion != before.ResourceVersion {
		t.Fatal("a refused change left a trace")
	}
}

func TestAppIsValidated(t *testing.T) {
	e := newEnv(t)
	memory := func(text string) *resource.Quantity { return new(resource.MustParse(text)) }
	for _, test := range []struct {
		name   string
		change func(*appv1.App)
		parts  []string
	}{
		{"Kubernetes", func(a *appv1.App) { a.Spec.Kubernetes.Enabled = true }, []string{"this build has no Kubernetes yet"}},
		{"a version of Kubernetes", func(a *appv1.App) { a.Spec.Kubernetes.Version = "1.37" }, []string{"this build has no Kubernetes yet"}},
		{
			"a relative mount", func(a *appv1.App) { a.Spec.VirtualMachine.Mounts = []appv1.Mount{{Location: "src"}} },
			[]string{"spec.virtualMachine", "mounts[0].location"},
		},
		{"a mount on a system directory", func(a *appv1.App) {
			a.Spec.VirtualMachine.Mounts = []appv1.Mount{{Location: "~"}, {Location: "/srv", MountPoint: "/etc"}}
		}, []string{"spec.virtualMachine", "mounts[1].mountPoint"}},
		{"too many CPUs", func(a *appv1.App) { a.Spec.VirtualMachine.CPUs = 5 }, []string{"between 1 and 4", "got 5"}},
		{"negative CPUs", func(a *appv1.App) { a.Spec.VirtualMachine.CPUs = -1 }, []string{"between 1 and 4", "got -1"}},
		{
			"too little memory", func(a *appv1.App) { a.Spec.VirtualMachine.Memory = memory("2047Mi") },
			[]string{"between 2Gi and 16Gi", "got 2047Mi"},
		},
		{"too much memory", func(a *appv1.App) { a.Spec.VirtualMachine.Memory = memory("17Gi") }, []string{"between 2Gi and 16Gi", "got 17Gi"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := e.in(t)
			e.mustRefuse(e.create(newApp(test.change)), test.parts...)
			e.mustRefuse(e.create(newApp(test.change), client.DryRunAll), test.parts...)
		})
	}
	other := newApp(nil)
	other.Name = "other"
	e.mustInvalid(e.create(other), "App resource must be named 'app'")
	e.mustInvalid(e.create(newApp(func(a *appv1.App) { a.Spec.ContainerEngine.Name = "podman" })), "moby")

	e.must(e.create(newApp(nil)))
	spec := e.app().Spec
	if spec.VirtualMachine.CPUs != 2 || spec.VirtualMachine.Memory.String() != "4Gi" || spec.Namespace != "default" ||
		spec.ContainerEngine.Name != "moby" || spec.Running ||
		!slices.Equal(spec.VirtualMachine.Mounts, []appv1.Mount{{Location: "~", Writable: true}}) || spec.VirtualMachine.ExposePorts {
		t.Fatalf("defaults: %+v, memory %s", spec, spec.VirtualMachine.Memory)
	}
	merge := func(text string) error {
		return e.user.Patch(context.Background(), newApp(nil), client.RawPatch(types.MergePatchType, []byte(text)))
	}
	e.mustInvalid(merge(`{"spec":{"namespace":"another"}}`), "spec.namespace is immutable")
	e.mustRefuse(merge(`{"spec":{"virtualMachine":{"cpus":9}}}`), "between 1 and 4")
	e.mustRefuse(merge(`{"spec":{"virtualMachine":{"memory":"1Gi"}}}`), "between 2Gi and 16Gi")
	// Computing this number takes hours.
	e.mustRefuse(
		merge(`{"spec":{"virtualMachine":{"memory":"1e999999999999"}}}`),
		`spec.virtualMachine.memory must be an amount of memory such as 4Gi; got "1e999999999999"`,
	)
	e.must(merge(`{"spec":{"virtualMachine":{"cpus":3,"memory":"3Gi"}}}`))
	e.must(merge(`{"spec":{"virtualMachine":{"cpus":0,"memory":null}}}`))
	if vm := e.app().Spec.VirtualMachine; vm.CPUs != 2 || vm.Memory.String() != "4Gi" {
		t.Fatalf("defaults on update: %+v", vm)
	}
}
