// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/vm"
)

// defaultChains is the number of chains unless RDD_CHAINS sets it.
const defaultChains = 1500

// TestOperationChains runs random chains of valid, invalid and reverting changes by users, with
// failures between them. An operation comes at any point of the work on the one before. Invalid
// changes must be refused with a name. In the end the wanted state must be reached, and deletion
// must leave nothing behind.
//
// RDD_CHAINS is the number of chains, RDD_SEED the seed of the first one. A failing chain can be
// repeated by its seed.
func TestOperationChains(t *testing.T) {
	chains, seed := number(t, "RDD_CHAINS", defaultChains), number(t, "RDD_SEED", 1)
	started := time.Now()
	var begun, operations, refusals atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for n := int(begun.Add(1)) - 1; n < chains && !t.Failed(); n = int(begun.Add(1)) - 1 {
				seed := seed + n
				c := &chain{harness: simulate(t, mutant{}), random: rand.New(rand.NewPCG(uint64(seed), 0))}
				if err := c.runAll(context.Background()); err != nil {
					t.Errorf(
						"chain %d (run it again: RDD_SEED=%d RDD_CHAINS=1 go test ./test/faults -run Chains): %v\n%s", seed, seed, err,
						strings.Join(c.log, "\n"),
					)
				}
				operations.Add(int64(len(c.log)))
				refusals.Add(c.refused)
			}
		})
	}
	workers.Wait()
	t.Logf(
		"%d chains from seed %d: %d operations, %d of them refused, %.1f s", chains, seed, operations.Load(), refusals.Load(),
		time.Since(started).Seconds(),
	)
	if refusals.Load() == 0 && chains > 10 {
		t.Error("nothing was refused")
	}
}

// number reads an environment variable.
func number(t *testing.T, name string, usual int) int {
	text := os.Getenv(name)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s must be a number from 1 on, got %q", name, text)
	}
	return n
}

// chain is one random sequence of operations.
type chain struct {
	*harness
	random  *rand.Rand
	log     []string
	refused int64
}

// operation is a change by a user, or a failure.
type operation struct {
	name string
	// invalid operations must be refused if their object exists.
	invalid bool
	do      func(ctx context.Context, c *chain) error
}

// runAll runs the chain and checks its end state, before and after everything is deleted.
func (c *chain) runAll(ctx context.Context) error {
	c.inj.begin(fault{}, 0)
	c.build()
	all := operations()
	for _, o := range []operation{createApp(c.random.IntN(2) == 0), createOne(c.random.IntN(2) == 0)} {
		if c.random.IntN(3) == 0 {
			continue
		}
		if err := c.step(ctx, o); err != nil {
			return err
		}
	}
	for range 4 + c.random.IntN(10) {
		if err := c.step(ctx, all[c.random.IntN(len(all))]); err != nil {
			return err
		}
	}
	if err := c.settle(ctx); err != nil {
		return fmt.Errorf("not settled: %w", err)
	}
	for _, o := range []operation{deleteApp, deleteOne} {
		if err := c.step(ctx, o); err != nil {
			return err
		}
	}
	if err := c.drive(ctx, nil); err != nil {
		return err
	}
	if left, _, err := c.snapshot(); err != nil || left != "" {
		return fmt.Errorf("invariant broken: left behind (%w):\n%s", err, left)
	}
	return c.checkSeen(ctx)
}

// step carries out an operation and lets the daemon work for a while.
func (c *chain) step(ctx context.Context, o operation) error {
	err := o.do(ctx, c)
	c.log = append(c.log, fmt.Sprintf("%-40s %v", o.name, err))
	switch {
	case err == nil && o.invalid:
		return fmt.Errorf("%s was accepted", o.name)
	case err == nil, apierrors.IsNotFound(err), apierrors.IsAlreadyExists(err):
	case apierrors.IsForbidden(err):
		c.refused++
		if !o.invalid && !strings.Contains(err.Error(), "owned by") && !strings.Contains(err.Error(), "cannot shrink") {
			return fmt.Errorf("%s was refused: %w", o.name, err)
		}
		if !strings.ContainsAny(err.Error(), "\"`.") {
			return fmt.Errorf("%s was refused without a name: %w", o.name, err)
		}
	default:
		return fmt.Errorf("%s: %w", o.name, err)
	}
	if c.random.IntN(4) == 0 {
		return c.drive(ctx, nil)
	}
	passes := c.random.IntN(12)
	return c.drive(ctx, func() bool { return c.passes >= passes })
}

// settle ends all failures, reverts what the engine refuses, and checks that the wanted state is
// reached.
func (c *chain) settle(ctx context.Context) error {
	for _, o := range []vm.Operation{vm.OperationCreate, vm.OperationStart, vm.OperationStop, vm.OperationDelete} {
		c.world.FailOperation(o, nil, 0)
	}
	c.bringBack(machineName)
	c.bringBack(appv1.LimaVMName)
	own := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: machineKey.Namespace, Name: machineName + limav1.TemplateSuffix}}
	if err := c.user.Get(ctx, client.ObjectKeyFromObject(own), own); err == nil && own.Data[limav1.TemplateKey] == hatedYAML &&
		own.DeletionTimestamp == nil {
		if err := c.changeTemplate(ctx, templateEdit(goodYAML)); err != nil {
			return err
		}
	}
	if err := c.drive(ctx, nil); err != nil {
		return err
	}
	if err := c.checkApp(ctx); err != nil {
		return err
	}
	for _, name := range []string{machineName, appv1.LimaVMName} {
		if err := c.checkMachine(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// loseOrBringBack takes the directory of a machine away, or brings it back. That of one that is
// being deleted stays: it would be left behind when it comes back.
func (c *chain) loseOrBringBack(ctx context.Context, name string) {
	if c.bringBack(name) {
		return
	}
	app, limaVM := &appv1.App{}, c.named(name)
	appErr := c.user.Get(ctx, client.ObjectKey{Name: appv1.AppName}, app)
	gone := name == appv1.LimaVMName && (appErr != nil || app.DeletionTimestamp != nil)
	if err := c.user.Get(ctx, client.ObjectKeyFromObject(limaVM), limaVM); err != nil || limaVM.DeletionTimestamp != nil || gone {
		return
	}
	if c.world.Lose(name) == nil {
		c.touched(name)
	}
}

// bringBack brings the directory of a machine back, and reports whether it was lost.
func (c *chain) bringBack(name string) bool {
	back := c.world.Return(name) == nil
	c.touched(name)
	return back
}

func (c *chain) checkApp(ctx context.Context) error {
	app := &appv1.App{}
	if err := c.user.Get(ctx, client.ObjectKey{Name: appv1.AppName}, app); err != nil {
		return client.IgnoreNotFound(err)
	}
	s := meta.FindStatusCondition(app.Status.Conditions, appv1.ConditionSettled)
	if s == nil || s.Status != metav1.ConditionTrue || s.ObservedGeneration != app.Generation {
		return fmt.Errorf("the App: %+v", app)
	}
	return nil
}

// checkMachine compares a LimaVM, if there is one, with its instance.
func (c *chain) checkMachine(ctx context.Context, name string) error {
	limaVM := &limav1.LimaVM{}
	if err := c.user.Get(ctx, client.ObjectKey{Namespace: machineKey.Namespace, Name: name}, limaVM); err != nil {
		return client.IgnoreNotFound(err)
	}
	own := &corev1.ConfigMap{}
	if err := c.user.Get(ctx, client.ObjectKey{Namespace: machineKey.Namespace, Name: name + limav1.TemplateSuffix}, own); err != nil {
		return err
	}
	st := limaVM.Status
	state, _ := c.world.Peek(name)
	running := meta.FindStatusCondition(st.Conditions, limav1.ConditionRunning)
	switch {
	case !meta.IsStatusConditionTrue(
		st.Conditions, limav1.ConditionCreated,
	) || running == nil || running.ObservedGeneration != limaVM.Generation,
		limaVM.Spec.Running && (running.Status != metav1.ConditionTrue || state.Phase != vm.PhaseRunning ||
			state.RunningRevision != state.Revision),
		!limaVM.Spec.Running && (running.Reason != limav1.ReasonStopped || state.Phase != vm.PhaseStopped),
		st.RestartNeeded, st.ObservedTemplateResourceVersion != own.ResourceVersion, st.LastResetRequest != state.Incarnation,
		len(limaVM.Annotations) > 0, state.Owner.UID != string(limaVM.UID):
		return fmt.Errorf("LimaVM %s: %+v, its instance %+v, its template's version %s", name, limaVM, state, own.ResourceVersion)
	}
	if template, params := c.world.Template(name); string(template) != own.Data[limav1.TemplateKey] ||
		fmt.Sprint(params) != fmt.Sprint(limaVM.Spec.Params) {
		return fmt.Errorf("LimaVM %s: its instance has another template: %s, %v", name, template, params)
	}
	return nil
}
