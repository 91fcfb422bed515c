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

// Waiting times.
const (
	// firstDelay, longestDelay and calm shape the back-off of restarts.
	firstDelay   = time.Second
	longestDelay = 5 * time.Minute
	calm         = 10 * time.Minute
	// busyRetry is when to try again what the engine was too busy for, should its watch not wake us.
	busyRetry = time.Second
	// shutdownLimit bounds how long a guest that is to be deleted may take to shut down.
	shutdownLimit = time.Minute
	// messageInterval spaces out status writes that change messages only.
	messageInterval = time.Second
)

// Reconciler makes virtual machines what their LimaVMs say.
type Reconciler struct {
	client  client.Client
	engine  vm.Engine
	clock   clock.PassiveClock
	host    template.Host
	events  reconcile.EventRecorder
	status  reconcile.StatusWriter
	backoff *reconcile.Backoff
	pace    pace
	// deletionsOnly says that the controller is not enabled: it takes down what is deleted.
	deletionsOnly bool
	// tried are the revisions that the engine was last told, by the LimaVM's UID.
	tried shared[types.UID, string]
}

// NewReconciler makes a Reconciler that reads and writes through c, live.
func NewReconciler(
	c client.Client, engine vm.Engine, clock clock.PassiveClock, host template.Host, events reconcile.EventRecorder,
) *Reconciler {
	return &Reconciler{
		client: c, engine: engine, clock: clock, host: host, events: events,
		status:  reconcile.StatusWriter{Client: c, Owner: fieldOwner},
		backoff: &reconcile.Backoff{Base: firstDelay, Max: longestDelay, Reset: calm},
	}
}

// OnlyDeletions makes the reconciler leave alone all that is not being deleted. It is for a daemon
// in which the controller is not enabled: nobody else would remove the LimaVMs' finalizers.
func (r *Reconciler) OnlyDeletions() { r.deletionsOnly = true }

// scope is a LimaVM and what was seen of its world in one pass.
type scope struct {
	vm  *limav1.LimaVM
	now time.Time
	// observed says that the engine answered; state is nil when it has no instance of ours then. found
	// is the state that the pass began with, foreign an instance of the name that is another's.
	observed              bool
	state, found, foreign *vm.State
	// template is the LimaVM's own copy, hash what it and the params amount to, and revision what
	// these and the restarts that were asked for do.
	template       *corev1.ConfigMap
	hash, revision string
	// changed says that the revision has not been tried before: what failed with another does not hold
	// it back.
	changed bool
	outcome reconcile.Outcome
	// stalled is what the pass has found to be in the way until someone acts; nil when it has not.
	stalled *vm.Failure
	// acted says that the engine was told something since it was observed, released that the finalizer
	// is gone.
	acted, released bool
}

func (s *scope) owner() vm.Owner {
	return vm.Owner{UID: string(s.vm.UID), Namespace: s.vm.Namespace, Name: s.vm.Name}
}

// phase is the instance's; empty when there is none of ours.
func (s *scope) phase() vm.Phase {
	if s.state == nil {
		return ""
	}
	return s.state.Phase
}

func (r *Reconciler) steps() []reconcile.Step[*scope] {
	return []reconcile.Step[*scope]{
		{Name: "adding the finalizer", Do: r.addFinalizer},
		{Name: "observing the instance", Do: r.observe},
		{Name: "taking note of requests", Do: r.takeRequests},
		{Name: "stopping the machine", Do: r.stopUnwanted},
		{Name: "resetting the instance", Do: r.resetInstance},
		{Name: "making the template", Do: r.ensureTemplate},
		{Name: "reading the template", Do: r.readTemplate},
		{Name: "making the instance", Do: r.applyInstance},
		{Name: "running the machine", Do: r.ensureRunning},
	}
}

func (r *Reconciler) deletionSteps() []reconcile.Step[*scope] {
	return []reconcile.Step[*scope]{
		{Name: "observing the instance", Do: r.observe},
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

// addFinalizer comes before anything that could be left behind.
func (r *Reconciler) addFinalizer(ctx context.Context, s *scope) reconcile.Outcome {
	return reconcile.RetryIf(reconcile.AddFinalizer(ctx, r.client, s.vm, limav1.FinalizerCleanup))
}

// report looks again when the engine was told something, writes the status, and tells what is new
// in it.
func (r *Reconciler) report(ctx context.Context, s *scope) error {
	if s.acted {
		if o := r.observe(ctx, s); o.Err != nil {
			return fmt.Errorf("observing the instance again: %w", o.Err)
		}
	}
	want := status(s)
	if wait := r.pace.wait(s.vm, want, s.now); wait > 0 {
		s.outcome = s.outcome.Sooner(wait)
		return nil
	}
	if err := r.status.Apply(ctx, s.vm, &s.vm.Status, &want); err != nil {
		return err
	}
	r.events.Record(ctx, s.vm, transition{scope: s, have: &s.vm.Status, want: &want}.events()...)
	return nil
}
