// SPDX-License-Identifier: Apache-2.0

package why

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/why/explain"
	"rancherdesktop.io/rdd/internal/client"
	"rancherdesktop.io/rdd/internal/instance"
)

// gatherHeld finds the objects that go with the App and the LimaVM and are held.
func gatherHeld(ctx context.Context, inst instance.Instance, c ctrlclient.Reader, f *explain.Facts) (err error) {
	if f.VM != nil && f.VM.DeletionTimestamp != nil {
		if f.HeldVM, err = heldOfVM(ctx, c, f.VM); err != nil {
			return err
		}
	}
	if f.AboutApp && f.App != nil {
		f.HeldApp, err = heldOfApp(ctx, inst, c, f.App)
	}
	return err
}

// heldOfVM looks at the ConfigMaps that a LimaVM's controller deletes: the template, and the source
// if that was made for this LimaVM.
func heldOfVM(ctx context.Context, c ctrlclient.Reader, machine *limav1.LimaVM) ([]explain.Held, error) {
	held, err := heldConfigMap(ctx, c, machine.Namespace, machine.Name+limav1.TemplateSuffix, nil)
	ref := machine.Spec.TemplateRef
	if err != nil || ref.Namespace != "" && ref.Namespace != machine.Namespace {
		return held, err
	}
	source, err := heldConfigMap(ctx, c, machine.Namespace, ref.Name, func(cm *corev1.ConfigMap) bool {
		return cm.Labels[limav1.LabelSourceOf] == machine.Name
	})
	return append(held, source...), err
}

// heldConfigMap looks at a ConfigMap, which need not exist. mine may be nil.
func heldConfigMap(
	ctx context.Context, c ctrlclient.Reader, namespace, name string, mine func(*corev1.ConfigMap) bool,
) ([]explain.Held, error) {
	cm := &corev1.ConfigMap{}
	err := c.Get(ctx, ctrlclient.ObjectKey{Namespace: namespace, Name: name}, cm)
	if err != nil || mine != nil && !mine(cm) {
		return nil, ctrlclient.IgnoreNotFound(err)
	}
	return explain.HeldBy("ConfigMap", "configmap", cm), nil
}

// heldOfApp looks at the App's ConfigMap and at its namespace. A namespace that is being deleted
// waits for everything in it.
func heldOfApp(ctx context.Context, inst instance.Instance, c ctrlclient.Reader, app *appv1.App) ([]explain.Held, error) {
	namespace := &corev1.Namespace{}
	if err := c.Get(ctx, ctrlclient.ObjectKey{Name: app.Spec.Namespace}, namespace); err != nil {
		return nil, ctrlclient.IgnoreNotFound(err)
	}
	if namespace.DeletionTimestamp == nil {
		return heldConfigMap(ctx, c, namespace.Name, appv1.LimaVMName, func(cm *corev1.ConfigMap) bool { return metav1.IsControlledBy(cm, app) })
	}
	held, err := heldInside(ctx, inst, namespace.Name)
	return append(held, explain.HeldBy("Namespace", "namespace", namespace)...), err
}

// heldInside looks at all objects in a namespace, whatever their kind is.
func heldInside(ctx context.Context, inst instance.Instance, namespace string) ([]explain.Held, error) {
	config, err := client.Config(inst)
	if err != nil {
		return nil, err
	}
	finder, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	reader, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	lists, err := finder.ServerPreferredNamespacedResources()
	if err != nil && !discovery.IsGroupDiscoveryFailedError(err) { // those of the other groups are there
		return nil, fmt.Errorf("listing the kinds of objects: %w", err)
	}
	var held []explain.Held
	for _, list := range discovery.FilteredBy(discovery.SupportsAllVerbs{Verbs: []string{"list", "delete"}}, lists) {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return nil, err
		}
		for _, r := range list.APIResources {
			resource := version.WithResource(r.Name)
			objects, err := reader.Resource(resource).Namespace(namespace).List(ctx, metav1.ListOptions{})
			if err != nil {
				return nil, fmt.Errorf("listing what is left in namespace %q: %w", namespace, err)
			}
			for _, object := range objects.Items {
				held = append(held, explain.HeldBy(r.Kind, resource.GroupResource().String(), &object)...)
			}
		}
	}
	return held, nil
}
