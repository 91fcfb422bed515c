// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
)

// TestDeletedAtEachPass deletes an App, and a LimaVM, after each pass of its creation, without
// faults and with a sample of them. Calls and kinds of fault take turns.
func TestDeletedAtEachPass(t *testing.T) {
	one := makeMachine(nil, true)
	for _, life := range []struct {
		name, machine string
		until         func(stop func(*harness) bool) stage
		remove        stage
	}{
		{"App", "rd", func(stop func(*harness) bool) stage { return until("n passes", running, stop) }, remove()},
		{"LimaVM", machineName, func(stop func(*harness) bool) stage {
			return stage{name: "n passes", partial: true, act: func(ctx context.Context, h *harness) error { return h.cut(ctx, one, stop) }}
		}, deleteMachine(machineKey)},
	} {
		t.Run(life.name, func(t *testing.T) {
			t.Parallel()
			started := time.Now()
			h := simulate(t, mutant{})
			kinds := slices.Concat(faultKinds, crashKinds, eventKinds)
			passesSeen, runs := 0, 0
			for n, whole := 1, false; !whole; n++ {
				cut := life.until(func(h *harness) bool {
					whole = h.states[life.machine].RunningRevision != "" && h.states[life.machine].BootID != ""
					return whole || h.passes >= n
				})
				p := pair{name: fmt.Sprintf("deleted after %d passes", n), there: cut, back: life.remove}
				cover, err := h.sample(context.Background(), p, kinds, n)
				if err != nil {
					t.Fatal(err)
				}
				passesSeen, runs = n, runs+cover.runs
			}
			t.Logf("deleted after each of %d passes: %d runs, %.1f s", passesSeen, runs, time.Since(started).Seconds())
			if passesSeen < 4 {
				t.Fatalf("it is made in no less than 4 passes, not in %d", passesSeen)
			}
		})
	}
}

// TestNothingIsWrittenWithoutAChange checks that reconciling a settled state writes nothing, to the
// API or the engine. A call of Start would hide that the machine has exited since it was observed.
func TestNothingIsWrittenWithoutAChange(t *testing.T) {
	t.Parallel()
	h := simulate(t, mutant{})
	ctx := context.Background()
	for _, s := range []stage{{act: setUp(running)}, makeMachine(nil, true)} {
		if _, err := h.run(ctx, s, fault{}); err != nil {
			t.Fatal(err)
		}
	}
	h.inj.begin(fault{}, 0)
	before, eventCount := h.changes, h.eventCount
	const times = 25
	for range times {
		h.restart()
		if err := h.drive(ctx, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range h.inj.calls {
		if c.write {
			t.Errorf("a write: %s", c.what)
		}
	}
	if eventCount == 0 || h.eventCount != eventCount {
		t.Errorf("%d Events before, %d after", eventCount, h.eventCount)
	}
	if h.changes != before || len(h.inj.calls) < 2*times {
		t.Fatalf("%d calls, %d changes", len(h.inj.calls), h.changes-before)
	}
}

// TestInputGoesAndThePassGoesOn checks the pass that finds the LimaVM's own copy of the template.
// It deletes the input ConfigMap and does everything after that too, because no event is sure to
// wake the App again.
func TestInputGoesAndThePassGoesOn(t *testing.T) {
	t.Parallel()
	h := simulate(t, mutant{})
	ctx := context.Background()
	vmOf := func() *limav1.LimaVM {
		vm, _ := h.seen["*v1alpha1.LimaVM default/rd"].(*limav1.LimaVM)
		return vm
	}
	copied := until("copied", nil, func(h *harness) bool { return vmOf() != nil && vmOf().Status.TemplateConfigMap != "" })
	if _, err := h.run(ctx, copied, fault{}); err != nil {
		t.Fatal(err)
	}
	app := &appv1.App{ObjectMeta: metav1.ObjectMeta{Name: appv1.AppName}}
	change := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"running":true,"virtualMachine":{"cpus":3}}}`))
	if err := h.user.Patch(ctx, app, change); err != nil {
		t.Fatal(err)
	}
	if h.seen["*v1.ConfigMap default/rd"] == nil || vmOf().Spec.Running {
		t.Fatal("the scene is not set: the App has been here before")
	}
	if _, err := h.apps.Reconcile(ctx, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(app)}); err != nil {
		t.Fatal(err)
	}
	own := h.seen["*v1.ConfigMap default/rd-template"].(*corev1.ConfigMap)
	if h.seen["*v1.ConfigMap default/rd"] != nil || !vmOf().Spec.Running || !strings.Contains(own.Data["template"], "cpus: 3") {
		t.Errorf(
			"one pass left: input %v, running %v, template %s", h.seen["*v1.ConfigMap default/rd"], vmOf().Spec.Running, own.Data["template"],
		)
	}
}
