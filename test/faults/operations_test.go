// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/vm"
)

var errMishap = errors.New("a mishap")

var (
	deleteApp = operation{name: "delete the App", do: func(ctx context.Context, c *chain) error {
		c.bringBack(appv1.LimaVMName)
		return c.end(ctx, &appv1.App{ObjectMeta: metav1.ObjectMeta{Name: appv1.AppName}})
	}}
	deleteOne = operation{name: "delete LimaVM one", do: func(ctx context.Context, c *chain) error {
		c.bringBack(machineName)
		return c.end(ctx, c.named(machineName))
	}}
)

func (c *chain) named(name string) *limav1.LimaVM {
	return &limav1.LimaVM{ObjectMeta: metav1.ObjectMeta{Namespace: machineKey.Namespace, Name: name}}
}

func (c *chain) templateOf(name string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: machineKey.Namespace, Name: name + limav1.TemplateSuffix}}
}

func createApp(on bool) operation {
	return operation{name: fmt.Sprintf("create the App, running %v", on), do: func(ctx context.Context, c *chain) error {
		app := &appv1.App{ObjectMeta: metav1.ObjectMeta{Name: appv1.AppName}}
		app.Spec.Running = on
		return c.create(ctx, app)
	}}
}

func createOne(on bool) operation {
	return operation{
		name: fmt.Sprintf("create LimaVM one, running %v", on), do: func(ctx context.Context, c *chain) error { return c.makeOne(ctx, on) },
	}
}

// end deletes an object as a user.
func (c *chain) end(ctx context.Context, obj client.Object) error {
	err := c.user.Delete(ctx, obj)
	c.wrote(ctx, obj)
	return err
}

// operations returns all operations of a chain.
func operations() []operation {
	all := []operation{deleteApp, deleteOne}
	for _, on := range []bool{false, true} {
		all = append(all, createApp(on), createOne(on))
	}
	for _, patch := range []string{
		`{"spec":{"running":true}}`, `{"spec":{"running":false}}`, `{"spec":{"virtualMachine":{"cpus":3}}}`,
		`{"spec":{"virtualMachine":{"cpus":2,"memory":"3Gi"}}}`, `{"spec":{"virtualMachine":{"cpus":0,"memory":null}}}`,
		`{"spec":{"containerEngine":{"name":"containerd"}}}`,
		`{"spec":{"containerEngine":{"name":"moby"},"virtualMachine":{"exposePorts":true,"mounts":[]}}}`,
	} {
		all = append(all, onApp(patch, false))
	}
	for _, patch := range []string{
		`{"spec":{"virtualMachine":{"cpus":9}}}`, `{"spec":{"virtualMachine":{"memory":"1Gi"}}}`,
		`{"spec":{"virtualMachine":{"mounts":[{"location":"src"}]}}}`, `{"spec":{"kubernetes":{"enabled":true}}}`,
		`{"metadata":{"finalizers":null}}`,
	} {
		all = append(all, onApp(patch, true))
	}
	for _, patch := range []string{
		`{"spec":{"running":true}}`, `{"spec":{"running":false}}`, `{"spec":{"params":{"greeting":"hej"}}}`, `{"spec":{"params":null}}`,
	} {
		all = append(all, onVM(machineName, patch, false))
	}
	for _, patch := range []string{`{"spec":{"params":{"greting":"x"}}}`, `{"metadata":{"finalizers":null}}`} {
		all = append(all, onVM(machineName, patch, true))
	}
	all = append(
		all, onVM(appv1.LimaVMName, `{"spec":{"params":{"greeting":"hej"}}}`, true),
		onVM(appv1.LimaVMName, `{"metadata":{"finalizers":null}}`, true),
	)
	for _, yaml := range []string{goodYAML, otherYAML, hatedYAML, goodYAML + "disk: 30GiB\n"} {
		all = append(all, onTemplate(machineName, templateEdit(yaml), false))
	}
	for _, yaml := range []string{"", "a: [b", "arch: cray-1\n" + goodYAML, "images: [{location: 'rdd:docker'}]\nparam: {}\nvmType: vz\n"} {
		all = append(all, onTemplate(machineName, templateEdit(yaml), true), onTemplate(appv1.LimaVMName, templateEdit(yaml), true))
	}
	all = append(
		all, onTemplate(machineName, `{"metadata":{"labels":{"a":"b"}}}`, false),
		onTemplate(machineName, `{"metadata":{"labels":{"a":null}}}`, false),
	)
	for _, name := range []string{machineName, appv1.LimaVMName} {
		for _, annotation := range []string{limav1.AnnotationRestartRequested, limav1.AnnotationResetRequested, limav1.AnnotationForceStop} {
			all = append(all, operation{name: annotation + " on " + name, do: func(ctx context.Context, c *chain) error {
				return c.change(ctx, c.named(name), c.request(annotation))
			}})
		}
	}
	return append(all, mishaps()...)
}

// mishaps returns the failures that no user causes.
func mishaps() []operation {
	all := []operation{{name: "the daemon is restarted", do: func(_ context.Context, c *chain) error {
		c.restart()
		return nil
	}}}
	for _, o := range []vm.Operation{vm.OperationCreate, vm.OperationStart, vm.OperationStop, vm.OperationDelete} {
		all = append(all, operation{name: fmt.Sprintf("the next %s fails", o), do: func(_ context.Context, c *chain) error {
			c.world.FailOperation(o, errMishap, 1)
			return nil
		}})
	}
	for _, name := range []string{machineName, appv1.LimaVMName} {
		all = append(all, operation{name: name + " is lost, or comes back", do: func(ctx context.Context, c *chain) error {
			c.loseOrBringBack(ctx, name)
			return nil
		}})
		all = append(all, operation{name: name + "'s guest dies", do: func(_ context.Context, c *chain) error {
			if c.world.KillGuest(name) == nil {
				c.touched(name)
			}
			return nil
		}})
	}
	return all
}

// makeOne creates a LimaVM with its source. It deletes the source if the LimaVM is refused.
func (c *chain) makeOne(ctx context.Context, running bool) error {
	c.world.Refuse("cpus: 1\n", &vm.InvalidSpecError{Field: "cpus", Reason: "must not be 1"})
	objects := machine(machineKey, nil, running)
	if err := c.create(ctx, objects[0]); err != nil {
		return err
	}
	err := c.create(ctx, objects[1])
	if err != nil {
		return errors.Join(err, c.end(ctx, objects[0]))
	}
	return nil
}

func onApp(patch string, invalid bool) operation {
	return operation{name: "App " + patch, invalid: invalid, do: func(ctx context.Context, c *chain) error {
		app := &appv1.App{ObjectMeta: metav1.ObjectMeta{Name: appv1.AppName}}
		return c.attempt(ctx, app, patch)
	}}
}

func onVM(name, patch string, invalid bool) operation {
	return operation{name: "LimaVM " + name + " " + patch, invalid: invalid, do: func(ctx context.Context, c *chain) error {
		return c.attempt(ctx, c.named(name), patch)
	}}
}

func onTemplate(name, patch string, invalid bool) operation {
	return operation{name: "template of " + name + " " + patch, invalid: invalid, do: func(ctx context.Context, c *chain) error {
		return c.attempt(ctx, c.templateOf(name), patch)
	}}
}

// errGoing stands for an object that is being deleted, or that no controller has reconciled yet.
// Whether its changes are refused is not defined.
var errGoing = apierrors.NewNotFound(schema.GroupResource{}, "what is coming or going")

// attempt patches an object, or returns errGoing.
func (c *chain) attempt(ctx context.Context, obj client.Object, patch string) error {
	now := obj.DeepCopyObject().(client.Object)
	if err := c.user.Get(ctx, client.ObjectKeyFromObject(obj), now); err != nil {
		return err
	}
	if now.GetDeletionTimestamp() != nil || len(now.GetFinalizers()) == 0 {
		return errGoing
	}
	return c.change(ctx, obj, patch)
}

// request returns a patch with a request annotation of a new value.
func (c *chain) request(annotation string) string {
	c.asked++
	return fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, annotation, fmt.Sprintf("2026-01-01T00:00:00.%06dZ", c.asked))
}
