// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	"rancherdesktop.io/rdd/internal/vm"
)

// stage is a change by a user, after which the daemon works until nothing is left to do.
type stage struct {
	name string
	act  func(ctx context.Context, h *harness) error
	// starts is how often machines reach Running in it; 0 means that this is not checked.
	starts int64
	// partial stages end early, so that the next one begins there. They get no faults themselves.
	partial bool
	// faultCalls is how many of its calls, from the first, get faults; 0 means all. The others are the
	// same as in a stage of another pair, where they get faults. The flag -everything overrides it.
	faultCalls int
}

// pair is two stages, the second of which undoes the first.
type pair struct {
	name string
	// setUp and tearDown get no faults.
	setUp, tearDown func(ctx context.Context, h *harness) error
	there, back     stage
	// clean says that back must leave nothing behind.
	clean bool
	// simulated says that the order of calls differs from run to run on the real server, so that the
	// pair runs on the simulated one only.
	simulated bool
}

func pairs() []pair { return slices.Concat(appPairs(), machinePairs()) }

func appPairs() []pair {
	return []pair{
		{name: "App", clean: true, there: limitFaults(2, create("create", nil)), back: remove()},
		{name: "running App", clean: true, there: created("create running", 1, running), back: remove()},
		{name: "power", setUp: setUp(nil), tearDown: remove().act,
			there: patch("start", `{"spec":{"running":true}}`, 1), back: patch("stop", `{"spec":{"running":false}}`, 0)},
		{name: "template", setUp: setUp(running), tearDown: remove().act,
			there: patch("more CPUs", `{"spec":{"virtualMachine":{"cpus":3}}}`, 1),
			back:  patch("fewer CPUs", `{"spec":{"virtualMachine":{"cpus":2}}}`, 1)},
		{name: "engine", setUp: setUp(running), tearDown: remove().act,
			there: breakEngine("lose the engine", "the engine does not answer"), back: breakEngine("find it again", "")},
		{name: "several settings at once", setUp: setUp(running), tearDown: remove().act,
			there: patch(
				"change", `{"spec":{"virtualMachine":{"cpus":3,"exposePorts":true,"mounts":[]},"containerEngine":{"name":"containerd"}}}`, 1,
			),
			back: patch("revert", `{"spec":{"virtualMachine":{"cpus":2,"exposePorts":false,"mounts":null},"containerEngine":{"name":"moby"}}}`, 1)},
		{name: "deleted while starting", clean: true, there: until("begin to start", running, phase(vm.PhaseStarting)), back: remove()},
		{name: "deleted while creating", clean: true, there: until("begin to create", nil, phase(vm.PhaseCreating)), back: remove()},
		{name: "own namespace", clean: true, there: limitFaults(12, create("create with a namespace", ownNamespace)), back: remove()},
		{name: "foreign ConfigMap", setUp: foreignInput, tearDown: removeForeign, there: create("create beside it", nil), back: removeBeside()},
		{name: "App made again", clean: true, there: again(running), back: remove()},
	}
}

func running(app *appv1.App)      { app.Spec.Running = true }
func ownNamespace(app *appv1.App) { app.Spec.Namespace = "vms" }

// limitFaults returns s with faults in its first n calls only.
func limitFaults(n int, s stage) stage {
	s.faultCalls = n
	return s
}

func create(name string, change func(*appv1.App)) stage { return created(name, 0, change) }

func created(name string, starts int64, change func(*appv1.App)) stage {
	return stage{name: name, starts: starts, act: func(ctx context.Context, h *harness) error {
		return h.createApp(ctx, change, nil)
	}}
}

// createApp creates the App, and drives the daemon until stop returns true.
func (h *harness) createApp(ctx context.Context, change func(*appv1.App), stop func() bool) error {
	app := &appv1.App{ObjectMeta: metav1.ObjectMeta{Name: appv1.AppName}}
	if change != nil {
		change(app)
	}
	if err := h.user.Create(ctx, app); err != nil {
		return err
	}
	h.wrote(ctx, app)
	return h.drive(ctx, stop)
}

func setUp(change func(*appv1.App)) func(context.Context, *harness) error {
	return create("", change).act
}

// until is a partial stage that creates an App and ends when stop returns true.
func until(name string, change func(*appv1.App), stop func(h *harness) bool) stage {
	return stage{name: name, partial: true, act: func(ctx context.Context, h *harness) error {
		return h.createApp(ctx, change, func() bool { return stop(h) })
	}}
}

func phase(want vm.Phase) func(h *harness) bool {
	return func(h *harness) bool { return h.states[appv1.LimaVMName].Phase == want }
}

func remove() stage {
	return stage{name: "delete", act: func(ctx context.Context, h *harness) error {
		app := &appv1.App{ObjectMeta: metav1.ObjectMeta{Name: appv1.AppName}}
		if err := h.user.Delete(ctx, app); err != nil {
			return err
		}
		h.wrote(ctx, app)
		return h.drive(ctx, nil)
	}}
}

// again is a stage that creates an App, deletes it once it has settled, and creates it again.
func again(change func(*appv1.App)) stage {
	return stage{name: "create, delete, create", starts: 1, act: func(ctx context.Context, h *harness) error {
		for _, act := range []func(context.Context, *harness) error{setUp(change), remove().act, setUp(change)} {
			if err := act(ctx, h); err != nil {
				return err
			}
		}
		return nil
	}}
}

func patch(name, change string, starts int64) stage {
	return stage{name: name, starts: starts, act: func(ctx context.Context, h *harness) error {
		app := &appv1.App{ObjectMeta: metav1.ObjectMeta{Name: appv1.AppName}}
		if err := h.user.Patch(ctx, app, client.RawPatch(types.MergePatchType, []byte(change))); err != nil {
			return err
		}
		h.wrote(ctx, app)
		return h.drive(ctx, nil)
	}}
}

// breakEngine makes container engines fail with a problem, or repairs them.
func breakEngine(name, problem string) stage {
	return stage{name: name, act: func(ctx context.Context, h *harness) error {
		h.engineProblem = problem
		h.monitor.Break(problem)
		return h.drive(ctx, nil)
	}}
}

func input() *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: appv1.LimaVMName},
		Data:       map[string]string{"mine": "somebody's"},
	}
}

func foreignInput(ctx context.Context, h *harness) error {
	cm := input()
	err := h.user.Create(ctx, cm)
	h.wrote(ctx, cm)
	return err
}

// removeBeside deletes the App and checks that the foreign ConfigMap is unchanged.
func removeBeside() stage {
	s := remove()
	act := s.act
	s.act = func(ctx context.Context, h *harness) error {
		if err := act(ctx, h); err != nil {
			return err
		}
		return checkForeign(ctx, h)
	}
	return s
}

func checkForeign(ctx context.Context, h *harness) error {
	cm := input()
	if err := h.user.Get(ctx, client.ObjectKeyFromObject(cm), cm); err != nil {
		return fmt.Errorf("invariant broken: the foreign ConfigMap: %w", err)
	}
	if len(cm.Data) != 1 || cm.Data["mine"] != "somebody's" || len(cm.Finalizers)+len(cm.OwnerReferences)+len(cm.Labels) > 0 {
		return fmt.Errorf("invariant broken: the foreign ConfigMap was changed: %+v", cm)
	}
	return nil
}

func removeForeign(ctx context.Context, h *harness) error {
	cm := input()
	err := h.user.Delete(ctx, cm)
	h.wrote(ctx, cm)
	return err
}
