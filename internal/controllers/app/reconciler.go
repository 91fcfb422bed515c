// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
)

// fieldOwner owns the App controller's part of the App's status.
const fieldOwner = "rdd-app"

// kind is the App's kind in owner references.
const kind = "App"

// Reconciler reconciles the App: it creates, updates and deletes the objects that the App owns.
type Reconciler struct {
	client client.Client
	clock  clock.PassiveClock
	facts  Facts
	events reconcile.EventRecorder
	status reconcile.StatusWriter
	// deletionsOnly: see OnlyDeletions.
	deletionsOnly bool
}

// NewReconciler returns a Reconciler that reads and writes through c, which has no cache.
func NewReconciler(c client.Client, clock clock.PassiveClock, facts Facts, events reconcile.EventRecorder) *Reconciler {
	return &Reconciler{client: c, clock: clock, facts: facts, events: events, status: reconcile.StatusWriter{Client: c, Owner: fieldOwner}}
}

// OnlyDeletions restricts the reconciler to an App that is being deleted. It is for a daemon in
// which the controller is not enabled: without it nobody would remove the App's finalizer.
func (r *Reconciler) OnlyDeletions() { r.deletionsOnly = true }

// scope is the App and what was observed of the objects it owns in one pass.
type scope struct {
	app *appv1.App
	now time.Time
	// namespace is the LimaVM's namespace; nil until it was read.
	namespace *corev1.Namespace
	// limaVMRead says that the LimaVM was read. If limaVM is nil then, the App owns none.
	limaVMRead bool
	limaVM     *limav1.LimaVM
	// foreign says that a LimaVM of that name exists and the App does not own it.
	foreign bool
	// template is the LimaVM's own template, once it is what the spec asks for.
	template *corev1.ConfigMap
	// engineControllerEnabled is Facts.EngineController.
	engineControllerEnabled bool
	// outcome is how the pass ended.
	outcome reconcile.Outcome
	// released says that the finalizer was removed: there is no status to write any more.
	released bool
}

// bootstrapping reports whether the LimaVM has not copied the template yet.
func (s *scope) bootstrapping() bool {
	return s.limaVM == nil || s.limaVM.Status.TemplateConfigMap == ""
}

func (s *scope) deleting() bool { return !s.app.DeletionTimestamp.IsZero() }

// meta returns the metadata of an object with a name in the App's namespace.
func (s *scope) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: s.app.Spec.Namespace, Name: name}
}

// owned returns meta with an owner reference to the App.
func (s *scope) owned(name string) metav1.ObjectMeta {
	m := s.meta(name)
	m.OwnerReferences = []metav1.OwnerReference{reconcile.OwnerReference(s.app, appv1.GroupVersion.WithKind(kind))}
	return m
}

func (r *Reconciler) steps() []reconcile.Step[*scope] {
	return []reconcile.Step[*scope]{
		{Name: "stopping the LimaVM", Do: r.stopFirst},
		{Name: "adding the finalizer", Do: r.addFinalizer},
		{Name: "making the namespace", Do: r.ensureNamespace},
		{Name: "reading the LimaVM", Do: r.readLimaVM},
		{Name: "making the input ConfigMap", Do: r.ensureInput},
		{Name: "making the LimaVM", Do: r.ensureLimaVM},
		{Name: "removing the input ConfigMap", Do: r.dropInput},
		{Name: "updating the LimaVM", Do: r.syncMachine},
	}
}

func (r *Reconciler) deletionSteps() []reconcile.Step[*scope] {
	return []reconcile.Step[*scope]{
		{Name: "deleting the LimaVM", Do: r.deleteLimaVM},
		{Name: "waiting for the template", Do: r.awaitTemplate},
		{Name: "deleting the input ConfigMap", Do: r.deleteInput},
		{Name: "deleting the namespace", Do: r.deleteNamespace},
		{Name: "removing the finalizer", Do: r.removeFinalizer},
	}
}

// Reconcile implements reconcile.Reconciler.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	s := &scope{
		app: &appv1.App{ObjectMeta: metav1.ObjectMeta{Name: req.Name}}, now: r.clock.Now(), engineControllerEnabled: r.facts.EngineController,
	}
	found, err := reconcile.Find(ctx, r.client, s.app)
	if err != nil {
		return reconcile.Retry(fmt.Errorf("reading the App: %w", err)).Result()
	}
	if !found {
		return ctrl.Result{}, nil
	}
	steps := r.steps()
	switch {
	case s.deleting():
		steps = r.deletionSteps()
	case r.deletionsOnly:
		return ctrl.Result{}, nil
	}
	s.outcome = reconcile.Run(ctx, s, steps)
	if s.released {
		return ctrl.Result{}, nil
	}
	have, want := ownStatus(s.app.Status), status(s)
	if err := r.status.Apply(ctx, s.app, &have, &want); err != nil {
		return reconcile.Retry(err).Result()
	}
	r.events.Record(ctx, s.app, events(have, want)...)
	return s.outcome.Result()
}

// addFinalizer comes before every step that creates something: a deletion leaves nothing behind.
func (r *Reconciler) addFinalizer(ctx context.Context, s *scope) reconcile.Outcome {
	return reconcile.RetryIf(reconcile.AddFinalizer(ctx, r.client, s.app, appv1.FinalizerCleanup))
}
