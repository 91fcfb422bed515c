// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/containers"
	"rancherdesktop.io/rdd/internal/reconcile"
)

// fieldOwner owns this controller's part of the App's status.
const fieldOwner = "rdd-engine"

// Monitor follows one container engine in the background; see containers.Monitor. No method blocks.
type Monitor interface {
	// Follow sets the container engine to follow; nil means none. It does nothing when the target
	// stays the same.
	Follow(target *containers.Target)
	// State returns the health of the target; nil when there is no target.
	State() *containers.State
	// Watch calls changed after each possible change of State.
	Watch(changed func())
}

// Reconciler reconciles the App: it reports whether containers can be run.
type Reconciler struct {
	client  client.Client
	monitor Monitor
	clock   clock.PassiveClock
	events  reconcile.EventRecorder
	status  reconcile.StatusWriter
}

// NewReconciler returns a Reconciler that reads and writes through c, which has no cache.
func NewReconciler(c client.Client, monitor Monitor, clock clock.PassiveClock, events reconcile.EventRecorder) *Reconciler {
	return &Reconciler{
		client: c, monitor: monitor, clock: clock, events: events,
		status: reconcile.StatusWriter{Client: c, Owner: fieldOwner},
	}
}

// scope is the App and what was observed of its container engine in one pass.
type scope struct {
	app *appv1.App
	now time.Time
	// limaVM is the LimaVM that the App owns; nil when there is none.
	limaVM *limav1.LimaVM
	// target is the container engine to follow; nil while the machine does not run.
	target *containers.Target
	// state is the Monitor's; nil when there is none.
	state *containers.State
	// outcome is how the pass ended.
	outcome reconcile.Outcome
}

func (r *Reconciler) steps() []reconcile.Step[*scope] {
	return []reconcile.Step[*scope]{
		{Name: "reading the LimaVM", Do: r.readLimaVM},
		{Name: "following the container engine", Do: r.follow},
	}
}

// Reconcile implements reconcile.Reconciler.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	s := &scope{app: &appv1.App{ObjectMeta: metav1.ObjectMeta{Name: req.Name}}, now: r.clock.Now()}
	found, err := reconcile.Find(ctx, r.client, s.app)
	if err != nil {
		return reconcile.Retry(fmt.Errorf("reading the App: %w", err)).Result()
	}
	if !found {
		r.monitor.Follow(nil)
		return ctrl.Result{}, nil
	}
	s.outcome = reconcile.Run(ctx, s, r.steps())
	if !s.outcome.IsDone() {
		return s.outcome.Result() // nothing was observed that could be reported
	}
	have, want := ownStatus(s.app.Status), status(s)
	if err := r.status.Apply(ctx, s.app, &have, &want); err != nil {
		return reconcile.Retry(err).Result()
	}
	r.events.Record(ctx, s.app, events(have, want)...)
	return ctrl.Result{}, nil
}

// readLimaVM reads the App's LimaVM. One that the App does not own is ignored.
func (r *Reconciler) readLimaVM(ctx context.Context, s *scope) reconcile.Outcome {
	limaVM := &limav1.LimaVM{ObjectMeta: metav1.ObjectMeta{Namespace: s.app.Spec.Namespace, Name: appv1.LimaVMName}}
	found, err := reconcile.Find(ctx, r.client, limaVM)
	if err != nil {
		return reconcile.Retry(err)
	}
	if found && reconcile.OwnedBy(limaVM, s.app) {
		s.limaVM = limaVM
	}
	return reconcile.Done()
}

// follow sets the Monitor's target and reads its state.
func (r *Reconciler) follow(_ context.Context, s *scope) reconcile.Outcome {
	s.target = target(s.app, s.limaVM)
	r.monitor.Follow(s.target)
	s.state = r.monitor.State()
	return reconcile.Done()
}

// target returns the container engine that runs in a machine now; nil while the machine does not
// run.
func target(app *appv1.App, limaVM *limav1.LimaVM) *containers.Target {
	if limaVM == nil {
		return nil
	}
	running := meta.FindStatusCondition(limaVM.Status.Conditions, limav1.ConditionRunning)
	if running == nil || running.Status != metav1.ConditionTrue {
		return nil
	}
	return &containers.Target{Engine: string(app.Spec.ContainerEngine.Name), Instance: limaVM.Name, Run: limaVM.Status.RestartCount}
}
