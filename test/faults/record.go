// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"rancherdesktop.io/rdd/internal/vm"
)

// recordClient passes every call of a controller's client to the injector. It calls wrote with the
// object after each write.
func recordClient(actor string, inner client.WithWatch, inj *injector, wrote func(obj client.Object)) client.WithWatch {
	read := func(verb string, obj runtime.Object, name string, run, empty func() error) error {
		return inj.do(call{what: fmt.Sprintf("%s: %s %T %s", actor, verb, obj, name)}, run, empty)
	}
	write := func(verb string, obj client.Object, run func() error) error {
		c := call{what: fmt.Sprintf("%s: %s %T %s", actor, verb, obj, client.ObjectKeyFromObject(obj)), write: true}
		return inj.do(c, func() error {
			err := run()
			wrote(obj)
			return err
		}, nil)
	}
	return interceptor.NewClient(inner, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
			return read("get", obj, key.String(), func() error { return c.Get(ctx, key, obj, opts...) },
				func() error { return apierrors.NewNotFound(schema.GroupResource{Resource: "injected"}, key.Name) })
		},
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			return read("list", list, "", func() error { return c.List(ctx, list, opts...) },
				func() error { return meta.SetList(list, nil) })
		},
		Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
			return write("create", obj, func() error { return c.Create(ctx, obj, opts...) })
		},
		Delete: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.DeleteOption) error {
			return write("delete", obj, func() error { return c.Delete(ctx, obj, opts...) })
		},
		Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
			return write("patch", obj, func() error { return c.Patch(ctx, obj, patch, opts...) })
		},
		Update: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.UpdateOption) error {
			return write("update", obj, func() error { return c.Update(ctx, obj, opts...) })
		},
		SubResourceApply: func(
			ctx context.Context, c client.Client, sub string, obj runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption,
		) error {
			return write("apply "+sub, obj.(client.Object), func() error { return c.SubResource(sub).Apply(ctx, obj, opts...) })
		},
	})
}

// recordEngine passes every call of the engine to the injector. It calls touched with the
// instance's name after each call that may change it.
type recordEngine struct {
	vm.Engine
	inj     *injector
	touched func(name string)
}

func (e recordEngine) do(verb, name string, write bool, run func() error) error {
	return e.inj.do(call{what: fmt.Sprintf("engine: %s %s", verb, name), write: write, engine: true}, func() error {
		err := run()
		if write {
			e.touched(name)
		}
		return err
	}, nil)
}

// Observe implements vm.Engine.
func (e recordEngine) Observe(ctx context.Context, name string) (state vm.State, err error) {
	err = e.do("observe", name, false, func() error {
		state, err = e.Engine.Observe(ctx, name)
		return err
	})
	return state, err
}

// Apply implements vm.Engine.
func (e recordEngine) Apply(ctx context.Context, spec vm.Spec) error {
	return e.do("apply", spec.Name, true, func() error { return e.Engine.Apply(ctx, spec) })
}

// Start implements vm.Engine.
func (e recordEngine) Start(ctx context.Context, owner vm.Owner, name string) error {
	return e.do("start", name, true, func() error { return e.Engine.Start(ctx, owner, name) })
}

// Stop implements vm.Engine.
func (e recordEngine) Stop(ctx context.Context, owner vm.Owner, name string, mode vm.StopMode) error {
	return e.do("stop", name, true, func() error { return e.Engine.Stop(ctx, owner, name, mode) })
}

// Delete implements vm.Engine.
func (e recordEngine) Delete(ctx context.Context, owner vm.Owner, name string) error {
	return e.do("delete", name, true, func() error { return e.Engine.Delete(ctx, owner, name) })
}

// SetAside implements vm.Salvager.
func (e recordEngine) SetAside(ctx context.Context, owner vm.Owner, name string) error {
	return e.do("set aside", name, true, func() error { return e.Engine.(vm.Salvager).SetAside(ctx, owner, name) })
}

// Rename implements vm.Renamer.
func (e recordEngine) Rename(ctx context.Context, r vm.Renaming) error {
	return e.do("rename", r.Name, true, func() error {
		err := e.Engine.(vm.Renamer).Rename(ctx, r)
		e.touched(r.NewName)
		return err
	})
}
