// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// fieldOwner owns the LimaVM's status.
const fieldOwner = "rdd-limavm"

const (
	// firstDelay and longestDelay are the first and the longest pause of the back-off after
	// failures. calm is the time without a failure after which it starts again.
	firstDelay   = time.Second
	longestDelay = 5 * time.Minute
	calm         = 10 * time.Minute
	// busyRetry is the pause before the next pass while the engine is busy. The engine's watch
	// usually wakes the reconciler before.
	busyRetry = time.Second
	// shutdownLimit is how long the guest of a LimaVM that is being deleted may take to shut down.
	shutdownLimit = time.Minute
	// messageInterval is the shortest time between two status writes that change details only.
	messageInterval = time.Second
)

// Reconciler reconciles LimaVMs: it makes virtual machines what their LimaVMs say.
type Reconciler struct {
	client   client.Client
	engine   vm.Engine
	clock    clock.PassiveClock
	host     template.Host
	events   reconcile.EventRecorder
	status   reconcile.StatusWriter
	backoff  *reconcile.Backoff
	throttle statusThrottle
	ports    portEventLimiter
	// deletionsOnly: see OnlyDeletions.
	deletionsOnly bool
	// tried are the revisions that were last applied to the engine, by the LimaVM's UID.
	tried shared[types.UID, string]
}

// NewReconciler returns a Reconciler that reads and writes through c, which has no cache.
func NewReconciler(
	c client.Client, engine vm.Engine, clock clock.PassiveClock, host template.Host, events reconcile.EventRecorder,
) *Reconciler {
	return &Reconciler{
		client: c, engine: engine, clock: clock, host: host, events: events,
		status:  reconcile.StatusWriter{Client: c, Owner: fieldOwner},
		backoff: &reconcile.Backoff{Base: firstDelay, Max: longestDelay, Reset: calm},
	}
}

// OnlyDeletions restricts the reconciler to LimaVMs that are being deleted. It is for a daemon in
// which the controller is not enabled: without it nobody would remove the LimaVMs' finalizers.
func (r *Reconciler) OnlyDeletions() { r.deletionsOnly = true }

// scope is a LimaVM and what was observed of its instance and template in one pass.
type scope struct {
	vm  *limav1.LimaVM
	now time.Time
	// observed says that the engine has answered. If state is nil then, the LimaVM has no instance.
	// found is the state at the beginning of the pass. foreign is another LimaVM's instance of that
	// name.
	observed              bool
	state, found, foreign *vm.State
	// template is the LimaVM's own copy. hash identifies its text and the params. revision
	// identifies these and the last requested restart. They are empty until the template was read.
	template       *corev1.ConfigMap
	hash, revision string
	// changed says that the revision has not been applied before. Failures of another revision do
	// not delay it.
	changed bool
	// outcome is how the pass ended.
	outcome reconcile.Outcome
	// stalled is the failure that has stalled the pass; nil when it has not. failing is one after
	// which the pass is retried soon.
	stalled, failing *vm.Failure
	// busy says that the engine was busy with the instance, and has done nothing.
	busy bool
	// acted says that the state was changed through the engine since it was observed. released says
	// that the finalizer was removed.
	acted, released bool
	// renamedFrom is the LimaVM whose machine this one has got in the pass.
	renamedFrom string
}

func (s *scope) owner() vm.Owner {
	return vm.Owner{UID: string(s.vm.UID), Namespace: s.vm.Namespace, Name: s.vm.Name}
}

// phase returns the instance's phase; empty when the LimaVM has no instance.
func (s *scope) phase() vm.Phase {
	if s.state == nil {
		return ""
	}
	return s.state.Phase
}

func (r *Reconciler) steps() []reconcile.Step[*scope] {
	return []reconcile.Step[*scope]{
		{Name: "observing the instance", Do: r.observe},
		{Name: "stopping the machine", Do: r.stopUnwanted},
		{Name: "adding the finalizer", Do: r.addFinalizer},
		{Name: "taking note of requests", Do: r.takeRequests},
		{Name: "resetting the instance", Do: r.resetInstance},
		{Name: "waiting for the renaming", Do: r.awaitRenaming},
		{Name: "looking for the instance", Do: r.checkLost},
		{Name: "making the template", Do: r.ensureTemplate},
		{Name: "reading the template", Do: r.readTemplate},
		{Name: "renaming the instance", Do: r.renameInstance},
		{Name: "making the instance", Do: r.applyInstance},
		{Name: "finishing the renaming", Do: r.finishRenaming},
		{Name: "running the machine", Do: r.ensureRunning},
	}
}

func (r *Reconciler) deletionSteps() []reconcile.Step[*scope] {
	return []reconcile.Step[*scope]{
		{Name: "observing the instance", Do: r.observe},
		{Name: "undoing the renaming", Do: r.undoRenaming},
		{Name: "stopping the machine", Do: r.shutDown},
		{Name: "deleting the instance", Do: r.deleteInstance},
		{Name: "deleting the template", Do: r.deleteTemplate},
		{Name: "deleting the source", Do: r.deleteSource},
		{Name: "removing the finalizer", Do: r.removeFinalizer},
	}
}

// Reconcile implements reconcile.Reconciler.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	s := &scope{vm: &limav1.LimaVM{ObjectMeta: metav1.ObjectMeta{Namespace: req.Namespace, Name: req.Name}}, now: r.clock.Now()}
	found, err := reconcile.Find(ctx, r.client, s.vm)
	if err != nil {
		return reconcile.Retry(fmt.Errorf("reading the LimaVM: %w", err)).Result()
	}
	if !found {
		return r.sweep(ctx, s).Result()
	}
	steps := r.steps()
	switch {
	case !s.vm.DeletionTimestamp.IsZero():
		steps = r.deletionSteps()
	case r.deletionsOnly:
		return ctrl.Result{}, nil
	}
	s.outcome = reconcile.Run(ctx, s, steps)
	if s.released {
		return ctrl.Result{}, nil
	}
	if err := r.report(ctx, s); err != nil {
		return reconcile.Retry(err).Result()
	}
	return s.outcome.Result()
}

// addFinalizer comes before every step that creates something: a deletion leaves nothing behind.
func (r *Reconciler) addFinalizer(ctx context.Context, s *scope) reconcile.Outcome {
	return reconcile.RetryIf(reconcile.AddFinalizer(ctx, r.client, s.vm, limav1.FinalizerCleanup))
}

// report writes the status and records Events for its changes. It observes the instance again if
// the pass has changed it. A write that changes only details may be delayed to a later pass.
func (r *Reconciler) report(ctx context.Context, s *scope) error {
	if s.acted {
		if o := r.observe(ctx, s); o.Err != nil {
			return fmt.Errorf("observing the instance again: %w", o.Err)
		}
	}
	want := status(s)
	if wait := r.throttle.delay(s.vm, want, s.now); wait > 0 {
		s.outcome = s.outcome.Sooner(wait)
		return nil
	}
	if err := r.status.Apply(ctx, s.vm, &s.vm.Status, &want); err != nil {
		return err
	}
	change := transition{scope: s, have: &s.vm.Status, want: &want}
	r.events.Record(ctx, s.vm, append(change.machine(), r.ports.cut(s.vm.UID, change.ports(), s.now)...)...)
	return nil
}
