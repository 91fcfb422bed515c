// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	containersfake "rancherdesktop.io/rdd/internal/containers/fake"
	"rancherdesktop.io/rdd/internal/controllers"
	"rancherdesktop.io/rdd/internal/daemon/wiring"
	"rancherdesktop.io/rdd/internal/rules"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/fake"
	"rancherdesktop.io/rdd/test/apitest"
)

// stuck is an engine that blocks in calls for some instances until the test ends.
type stuck struct {
	vm.Engine
	names []string
	until chan struct{}
}

func (s stuck) Apply(ctx context.Context, spec vm.Spec) error {
	if slices.Contains(s.names, spec.Name) {
		<-s.until
	}
	return s.Engine.Apply(ctx, spec)
}

// TestNoLimaVMWaitsForAnothers runs LimaVMs through their whole life while one is never completely
// created, one never boots, and the engine blocks for a third.
func TestNoLimaVMWaitsForAnothers(t *testing.T) {
	e := newEnv(t)
	mute := stuck{Engine: e.values.Machines, names: []string{"mute"}, until: make(chan struct{})}
	e.values.Machines = mute
	t.Cleanup(func() { close(mute.until) })
	e.startControllers()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go e.world.Run(ctx, 10*time.Millisecond)

	e.world.Hold("making")
	e.must(e.create(newConfigMap("default", "s", map[string]string{"template": validTemplate})))
	for _, name := range []string{"making", "mute"} {
		e.must(e.create(newVM("default", name, "s", run)))
	}
	e.makeVM("default", "booting", nil)
	e.world.Hold("booting")
	e.patchVM("booting", `{"spec":{"running":true}}`)
	e.waitVM("default", "booting", limav1.ConditionRunning, check{reason: limav1.ReasonStarting})
	var lives sync.WaitGroup
	for _, name := range []string{"b", "c"} {
		lives.Go(func() { e.wholeLife(name) })
	}
	lives.Wait()
	for name, phase := range map[string]vm.Phase{"making": vm.PhaseCreating, "booting": vm.PhaseStarting, "mute": ""} {
		if state, _ := e.world.Peek(name); state.Phase != phase {
			t.Errorf("%s is %q: the scene was not what it should be", name, state.Phase)
		}
	}
}

// wholeLife runs a LimaVM through its whole life. It may run in parallel with others.
func (e *env) wholeLife(name string) {
	e.Helper()
	e.makeVM("default", name, run)
	up := e.waitRunning(name)
	e.patchVM(name, `{"spec":{"params":{"greeting":"hej"}}}`)
	e.waitVMTo(
		"restarted", "default", name, func(vm *limav1.LimaVM) bool { return vm.Status.RestartCount > up.Status.RestartCount && isUp(vm) },
	)
	e.annotate(name, resetRequested, "1")
	e.waitRequestsTaken("reset", name, func(vm *limav1.LimaVM) bool { return vm.Status.LastResetRequest == "1" && isCreated(vm) && isUp(vm) })
	e.patchVM(name, `{"spec":{"running":false}}`)
	e.waitVM("default", name, limav1.ConditionRunning, check{reason: limav1.ReasonStopped})
	e.deleteVM("default", name)
}

// rounds is how often TestOneWinsTheName repeats the race.
const rounds = 30

// TestOneWinsTheName creates two LimaVMs of one name at the same time, without admission rules. One
// gets the instance. The other reports NameTaken, and neither it nor its deletion touches the
// instance.
func TestOneWinsTheName(t *testing.T) {
	e := unguarded(t)
	e.must(e.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "other"}}))
	namespaces := []string{"default", "other"}
	wins := map[string]int{}
	for _, ns := range namespaces {
		e.must(e.create(newConfigMap(ns, "s", map[string]string{"template": validTemplate})))
	}
	for i := range rounds {
		name := fmt.Sprintf("vm%d", i)
		var creations sync.WaitGroup
		for _, ns := range namespaces {
			creations.Go(func() { e.must(e.create(newVM(ns, name, "s", run))) })
		}
		creations.Wait()
		winner, loser := e.race(name, namespaces)
		wins[winner]++
		e.deleteVM(loser, name)
		state, _ := e.world.Peek(name)
		if state.Owner.Namespace != winner || state.Phase == vm.PhaseDeleting || state.Phase == vm.PhaseStopping {
			t.Fatalf("the loser's deletion touched the winner's instance: %+v", state)
		}
		e.waitVM(winner, name, limav1.ConditionRunning, check{status: metav1.ConditionTrue})
	}
	t.Logf("the winners of %d races: %v", rounds, wins)
	loser := newVM("other", "vm0", "s", nil)
	if state, _ := e.world.Peek("vm0"); state.Owner.Namespace == "other" {
		loser.Namespace = "default"
	}
	e.must(e.create(loser))
	e.waitVM(loser.Namespace, "vm0", limav1.ConditionCreated, check{reason: limav1.ReasonNameTaken})
	winner := namespaces[1-slices.Index(namespaces, loser.Namespace)]
	e.deleteVM(winner, "vm0")
	e.waitVM(loser.Namespace, "vm0", limav1.ConditionCreated, check{status: metav1.ConditionTrue})
}

// race waits until both LimaVMs of a name have reported the result, and returns the namespaces of
// the winner and the loser.
func (e *env) race(name string, namespaces []string) (winner, loser string) {
	e.Helper()
	e.wait("one winner", &limav1.LimaVMList{}, func() (bool, string) {
		winner, loser = "", ""
		for _, ns := range namespaces {
			c := meta.FindStatusCondition(e.limaVM(ns, name).Status.Conditions, limav1.ConditionCreated)
			switch {
			case c == nil:
			case c.Reason == limav1.ReasonNameTaken && strings.Contains(c.Message, "already taken by LimaVM"):
				loser = ns
			case c.Status == metav1.ConditionTrue:
				winner = ns
			}
		}
		return winner != "" && loser != "", "winner " + winner + ", loser " + loser
	})
	return winner, loser
}

// unguarded returns an environment with running controllers and without admission rules.
func unguarded(t *testing.T) *env {
	e := &env{T: t, world: fake.NewWorld(time.Now), monitor: &containersfake.Monitor{Immediate: true}}
	e.values = wiring.Values{
		Engines: wiring.Engines{Machines: e.world.Open(), Containers: e.monitor}, Enabled: controllers.Names(),
		Host: host, LimaHome: "/h", DockerSocket: dockerSocket, Clock: clock.RealClock{},
	}
	e.server = apitest.StartWith(t, func(config func(user string) *rest.Config) []rules.Rule {
		e.config = config
		return nil
	})
	e.user = e.as("rdd:user")
	e.startControllers()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go e.world.Run(ctx, time.Millisecond)
	return e
}

// TestSourceGoesWithItsLimaVM checks that a source is deleted with the LimaVM that it was created
// for, whenever that is deleted, and that other sources stay.
func TestSourceGoesWithItsLimaVM(t *testing.T) {
	e := newEnv(t)
	before := e.inventory()
	labelled := func(ns, name, of string) *corev1.ConfigMap {
		cm := newConfigMap(ns, name, map[string]string{"template": validTemplate})
		cm.Labels = map[string]string{"lima.rancherdesktop.io/source-of": of}
		return cm
	}
	e.must(e.create(labelled("default", "one-source", "one")))
	e.must(e.create(newVM("default", "one", "one-source", nil)))
	e.must(e.user.Delete(context.Background(), newVM("default", "one", "", nil)))
	e.startControllers()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go e.world.Run(ctx, 10*time.Millisecond)
	e.waitDeleted("default", "one", &limav1.LimaVM{}, &limav1.LimaVMList{})
	e.mustLeaveNothing(before)

	e.must(e.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "other"}}))
	foreign := []*corev1.ConfigMap{
		newConfigMap("default", "unlabelled", map[string]string{"template": validTemplate}),
		labelled("default", "anothers", "two"), labelled("other", "elsewhere", "three"), labelled("default", "beside", "four"),
	}
	for i, name := range []string{"one", "two2", "three", "four"} {
		e.must(e.create(foreign[i]))
		vm := newVM("default", name, foreign[i].Name, nil)
		vm.Spec.TemplateRef.Namespace = foreign[i].Namespace
		if name == "four" {
			vm.Spec.TemplateRef.Name = "unlabelled"
		}
		e.must(e.create(vm))
		e.must(e.user.Delete(context.Background(), newVM("default", name, "", nil)))
		e.waitDeleted("default", name, &limav1.LimaVM{}, &limav1.LimaVMList{})
		if cm := e.configMap(foreign[i].Namespace, foreign[i].Name); cm.DeletionTimestamp != nil {
			t.Errorf("ConfigMap %s is not %s's", cm.Name, name)
		}
	}
}

// TestEdits checks which edits admission refuses, which the engine refuses, and what happens to the
// machine.
func TestEdits(t *testing.T) {
	e := start(t)
	e.world.Refuse("cpus: 3", &vm.InvalidSpecError{Field: "cpus", Reason: "must not be 3"})
	e.makeVM("default", "one", run)
	up := e.waitRunning("one")
	own := newConfigMap("default", "one-template", nil)
	template := func(text string) string {
		return string(encode(map[string]any{"data": map[string]any{"template": text}}))
	}
	e.refuseAll(
		own, []string{"data", "template"}, "images: [{location: 'rdd:other'}]\nparam: {greeting: hello}\n", "field `images[0].location`",
		"cannot be changed",
	)
	e.refuseAll(own, []string{"data", "template"}, validTemplate+"disk: 5GiB\n", "field `disk`", "cannot shrink from 20Gi to 5Gi")

	e.editTemplate("one", template(validTemplate+"cpus: 3\n"))
	e.waitVM(
		"default", "one", limav1.ConditionCreated,
		check{status: metav1.ConditionFalse, reason: limav1.ReasonCreateFailed, message: "field `cpus`"},
	)
	refused := e.limaVM("default", "one")
	if !isUp(refused) || refused.Status.BootID != up.Status.BootID ||
		refused.Status.ObservedTemplateResourceVersion != up.Status.ObservedTemplateResourceVersion {
		t.Fatalf("a refused edit touched the machine: %+v", refused.Status)
	}
	e.editTemplate("one", template(validTemplate))
	version := e.configMap("default", "one-template").ResourceVersion
	back := e.waitVMTo("taken back", "default", "one", func(vm *limav1.LimaVM) bool {
		return isCreated(vm) && isUp(vm) && vm.Status.ObservedTemplateResourceVersion == version
	})
	if back.Status.RestartCount != up.Status.RestartCount {
		t.Fatal("an edit that was taken back restarted the machine")
	}
	e.editTemplate("one", template(validTemplate+"disk: 30GiB\n"))
	e.waitVMTo(
		"a bigger disk", "default", "one", func(vm *limav1.LimaVM) bool { return vm.Status.RestartCount > up.Status.RestartCount && isUp(vm) },
	)
}

// TestRevertedEdit checks that an edit that is reverted while the machine stops causes one restart
// only.
func TestRevertedEdit(t *testing.T) {
	e := start(t)
	e.makeVM("default", "one", run)
	up := e.waitRunning("one")
	e.world.Hold("one")
	e.patchVM("one", `{"spec":{"params":{"greeting":"hej"}}}`)
	e.waitVM("default", "one", limav1.ConditionRunning, check{reason: limav1.ReasonStopping})
	e.patchVM("one", `{"spec":{"params":null}}`)
	e.waitVM("default", "one", limav1.ConditionRunning, check{reason: limav1.ReasonStopping})
	e.world.Release("one")
	after := e.waitVMTo(
		"up again", "default", "one", func(vm *limav1.LimaVM) bool { return vm.Status.RestartCount > up.Status.RestartCount && isUp(vm) },
	)
	if after.Status.RestartCount != up.Status.RestartCount+1 || after.Status.ObservedTemplateHash != up.Status.ObservedTemplateHash {
		t.Fatalf("%+v", after.Status)
	}
}

// TestEditWhileStarting checks that a machine that is booting with an old template is restarted.
func TestEditWhileStarting(t *testing.T) {
	e := start(t)
	e.makeVM("default", "one", nil)
	e.world.Hold("one")
	e.patchVM("one", `{"spec":{"running":true}}`)
	e.waitVM("default", "one", limav1.ConditionRunning, check{reason: limav1.ReasonStarting})
	e.patchVM("one", `{"spec":{"params":{"greeting":"hej"}}}`)
	e.waitVM("default", "one", limav1.ConditionRunning, check{reason: limav1.ReasonStopping})
	e.world.Release("one")
	up := e.waitVMTo("up", "default", "one", isUp)
	if state, _ := e.world.Peek("one"); state.RunningRevision != state.Revision || up.Status.RestartCount != 1 {
		t.Fatalf("%+v, %+v", state, up.Status)
	}
}

// TestFailedBootIsTriedAgainAfterAnEdit checks that an edit causes a retry at once: it may remove
// the cause.
func TestFailedBootIsTriedAgainAfterAnEdit(t *testing.T) {
	e := start(t)
	lacking := &vm.InvalidSpecError{Field: "cpus", Reason: "are too many to boot"}
	e.makeVM("default", "one", nil)
	e.world.FailOperation(vm.OperationStart, lacking, 1)
	e.patchVM("one", `{"spec":{"running":true}}`)
	e.waitVM("default", "one", limav1.ConditionRunning, check{reason: limav1.ReasonStartFailed, message: "too many"})
	e.patchVM("one", `{"spec":{"params":{"greeting":"hej"}}}`)
	e.waitRunning("one")
}
