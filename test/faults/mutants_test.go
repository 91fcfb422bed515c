// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	"rancherdesktop.io/rdd/internal/containers"
	"rancherdesktop.io/rdd/internal/controllers/app"
	"rancherdesktop.io/rdd/internal/controllers/engine"
	"rancherdesktop.io/rdd/internal/vm"
)

// planted are bugs, each with the pair of stages and the kinds of fault that have to find it.
var planted = []struct {
	mutant
	pair  string
	kinds []kind
}{
	{pair: "App", kinds: []kind{timeout, reset, internal}, mutant: mutant{name: "a failed read counts as NotFound", client: doubting(false)}},
	{pair: "App", kinds: []kind{notFound}, mutant: mutant{name: "a single NotFound is believed", client: doubting(true)}},
	{pair: "foreign ConfigMap", kinds: []kind{timeout}, mutant: mutant{name: "owners are checked by name", client: byName}},
	{pair: "App", kinds: []kind{timeout, conflict}, mutant: mutant{name: "errors are forgotten",
		result: func(r ctrl.Result, _ error) (ctrl.Result, error) { return r, nil }}},
	{pair: "App", kinds: []kind{timeout}, mutant: mutant{name: "the finalizer comes late", client: lateFinalizer}},
	{pair: "App", kinds: []kind{timeout, internal}, mutant: mutant{name: "what was deleted counts as gone", client: onDelete}},
	{pair: "App", kinds: []kind{timeout}, mutant: mutant{name: "the instance is not deleted",
		engine: func(_ *harness, e vm.Engine) vm.Engine { return &sloppy{Engine: e} }}},
	{pair: "running App", kinds: []kind{timeout}, mutant: mutant{name: "an error of the engine is forgotten",
		result: func(r ctrl.Result, err error) (ctrl.Result, error) { return r, dropEngine(err) }}},
	{pair: "template", kinds: []kind{timeout}, mutant: mutant{name: "a changed template is not applied",
		engine: func(_ *harness, e vm.Engine) vm.Engine { return &stubborn{Engine: e} }}},
	{pair: "reset", kinds: []kind{timeout}, mutant: mutant{name: "an instance forgets its incarnation",
		engine: respec(func(_ vm.Engine, spec *vm.Spec) { spec.Incarnation = "" })}},
	{pair: "directory in the way", kinds: []kind{timeout}, mutant: mutant{name: "whatever is in the way is adopted",
		engine: respec(func(e vm.Engine, spec *vm.Spec) {
			if state, err := e.Observe(context.Background(), spec.Name); err == nil {
				spec.AdoptFrom = state.Owner.UID
			}
		})}},
	{pair: "restart", kinds: []kind{timeout}, mutant: mutant{name: "requests are not noted", client: unrecorded}},
	{pair: "restart", kinds: []kind{lostReply}, mutant: mutant{name: "requests stay", client: leaveRequests}},
	{pair: "LimaVM", kinds: []kind{timeout}, mutant: mutant{name: "the source is left", client: leaveSource}},
	{pair: "running LimaVM", kinds: []kind{conflict}, mutant: mutant{name: "nobody comes back by himself",
		result: func(r ctrl.Result, err error) (ctrl.Result, error) { return ctrl.Result{}, err }}},
	{pair: "several settings at once", kinds: []kind{timeout}, mutant: mutant{name: "one smoke test is enough for all runs",
		monitor: func(m engine.Monitor) engine.Monitor { return &credulous{Monitor: m} }}},
	{pair: "engine", kinds: []kind{timeout}, mutant: mutant{name: "what worked goes on working",
		monitor: func(m engine.Monitor) engine.Monitor { return &hopeful{Monitor: m} }}},
	{pair: "machine power", kinds: []kind{dropped}, mutant: mutant{name: "a watch that ended is not begun again", deaf: true}},
}

// TestPlantedBugs shows that the matrices can fail: each planted bug must be found.
func TestPlantedBugs(t *testing.T) {
	for _, bug := range planted {
		t.Run(strings.ReplaceAll(bug.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			for _, p := range pairs() {
				if p.name != bug.pair {
					continue
				}
				h := simulate(t, bug.mutant)
				cover, err := h.matrix(context.Background(), p, bug.kinds, false)
				if err == nil {
					t.Fatalf("not found in %d runs", cover.runs)
				}
				found, _, _ := strings.Cut(err.Error(), "\n")
				t.Logf("found after %d runs: %.200s", cover.runs, found)
			}
		})
	}
}

// doubting returns NotFound for a read that follows a NotFound of the same object. Unless
// onlyNotFound is set, it also does for any other error.
func doubting(onlyNotFound bool) func(*harness, string, client.WithWatch) client.WithWatch {
	return func(_ *harness, _ string, c client.WithWatch) client.WithWatch {
		var last client.ObjectKey
		lie := func(key client.ObjectKey) error { return apierrors.NewNotFound(schema.GroupResource{}, key.Name) }
		return interceptor.NewClient(c, interceptor.Funcs{
			Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
				if key == last {
					last = client.ObjectKey{}
					return lie(key)
				}
				err := c.Get(ctx, key, obj, opts...)
				if apierrors.IsNotFound(err) || err != nil && !onlyNotFound {
					last = key
					return lie(key)
				}
				return err
			},
		})
	}
}

// byName makes every ConfigMap with the input's name look like the App's.
func byName(h *harness, controller string, c client.WithWatch) client.WithWatch {
	if controller != app.Name {
		return c
	}
	return interceptor.NewClient(c, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
			err := c.Get(ctx, key, obj, opts...)
			if _, ok := obj.(*corev1.ConfigMap); ok && err == nil && key.Name == appv1.LimaVMName {
				for _, o := range h.seen {
					if a, ok := o.(*appv1.App); ok {
						obj.SetOwnerReferences([]metav1.OwnerReference{*metav1.NewControllerRef(a, appv1.GroupVersion.WithKind("App"))})
					}
				}
			}
			return err
		},
	})
}

// lateFinalizer does not add clean-up finalizers.
func lateFinalizer(_ *harness, _ string, c client.WithWatch) client.WithWatch {
	return interceptor.NewClient(c, interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
			if data, err := patch.Data(obj); err == nil && strings.Contains(string(data), `"finalizers":["rdd.rancherdesktop.io/cleanup"]`) {
				return nil
			}
			return c.Patch(ctx, obj, patch, opts...)
		},
	})
}

// onDelete reports an object as NotFound as soon as Delete was called for it.
func onDelete(_ *harness, _ string, c client.WithWatch) client.WithWatch {
	deleted := map[string]bool{}
	id := func(obj client.Object, key client.ObjectKey) string { return fmt.Sprintf("%T %s", obj, key) }
	return interceptor.NewClient(c, interceptor.Funcs{
		Delete: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.DeleteOption) error {
			deleted[id(obj, client.ObjectKeyFromObject(obj))] = true
			return c.Delete(ctx, obj, opts...)
		},
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
			if deleted[id(obj, key)] {
				return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
			}
			return c.Get(ctx, key, obj, opts...)
		},
	})
}

// sloppy reports an instance as not found once Delete was called, and does not delete it.
type sloppy struct {
	vm.Engine
	deleted bool
}

func (e *sloppy) Delete(context.Context, vm.Owner, string) error {
	e.deleted = true
	return nil
}

func (e *sloppy) Observe(ctx context.Context, name string) (vm.State, error) {
	if e.deleted {
		return vm.State{}, vm.ErrNotFound
	}
	return e.Engine.Observe(ctx, name)
}

// stubborn ignores every template but the first.
type stubborn struct{ vm.Engine }

func (e *stubborn) Apply(ctx context.Context, spec vm.Spec) error {
	if state, err := e.Engine.Observe(ctx, spec.Name); err == nil && state.Revision != "" {
		return nil
	}
	return e.Engine.Apply(ctx, spec)
}

// dropEngine drops errors of the engine.
func dropEngine(err error) error {
	if err != nil && strings.Contains(err.Error(), "engine: ") {
		return nil
	}
	return err
}

// credulous reports every container engine as connected after the first one.
type credulous struct {
	engine.Monitor
	works bool
}

func (m *credulous) State() *containers.State {
	state := m.Monitor.State()
	if state != nil && m.works {
		state.Phase = containers.PhaseConnected
	}
	m.works = state != nil && state.Phase == containers.PhaseConnected || m.works
	return state
}

// hopeful does not report that a container engine was lost.
type hopeful struct {
	engine.Monitor
	last containers.State
}

func (m *hopeful) State() *containers.State {
	state := m.Monitor.State()
	switch {
	case state == nil:
	case state.Phase == containers.PhaseConnected:
		m.last = *state
	case state.Target == m.last.Target:
		*state = m.last
	}
	return state
}

// respec changes the specs that are applied to the engine.
func respec(change func(e vm.Engine, spec *vm.Spec)) func(*harness, vm.Engine) vm.Engine {
	return func(_ *harness, e vm.Engine) vm.Engine { return respecced{e, change} }
}

type respecced struct {
	vm.Engine
	change func(e vm.Engine, spec *vm.Spec)
}

func (e respecced) Apply(ctx context.Context, spec vm.Spec) error {
	e.change(e.Engine, &spec)
	return e.Engine.Apply(ctx, spec)
}

// unrecorded keeps requests out of the status.
func unrecorded(_ *harness, _ string, c client.WithWatch) client.WithWatch {
	return interceptor.NewClient(c, interceptor.Funcs{
		SubResourceApply: func(
			ctx context.Context, c client.Client, sub string, obj runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption,
		) error {
			if u, ok := obj.(interface{ UnstructuredContent() map[string]any }); ok {
				unstructured.RemoveNestedField(u.UnstructuredContent(), "status", "lastRestartRequest")
			}
			return c.SubResource(sub).Apply(ctx, obj, opts...)
		},
	})
}

// leaveRequests never removes an annotation.
func leaveRequests(_ *harness, _ string, c client.WithWatch) client.WithWatch {
	return interceptor.NewClient(c, interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
			if data, err := patch.Data(obj); err == nil && strings.Contains(string(data), `"annotations":`) {
				return nil
			}
			return c.Patch(ctx, obj, patch, opts...)
		},
	})
}

// leaveSource reports the source as not found once Delete was called, and does not delete it.
func leaveSource(_ *harness, _ string, c client.WithWatch) client.WithWatch {
	isSource := func(name string) bool { return strings.HasSuffix(name, "-source") }
	deleted := false
	return interceptor.NewClient(c, interceptor.Funcs{
		Delete: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.DeleteOption) error {
			if isSource(obj.GetName()) {
				deleted = true
				return nil
			}
			return c.Delete(ctx, obj, opts...)
		},
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
			if deleted && isSource(key.Name) {
				return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
			}
			return c.Get(ctx, key, obj, opts...)
		},
	})
}
