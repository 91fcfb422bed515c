// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	"rancherdesktop.io/rdd/internal/hostconfig"
	"rancherdesktop.io/rdd/internal/reconcile"
)

// EventNotIntegrated is the reason of an Event about a problem on the host that keeps docker from
// finding the container engine.
const EventNotIntegrated = "NotIntegrated"

// Host applies host settings.
type Host interface {
	// Apply changes the host settings to what is wanted, and reports the problems it has found. It is
	// idempotent, and continues where an earlier call was killed.
	Apply(ctx context.Context, want hostconfig.Want) (hostconfig.Report, error)
}

// Reconciler reconciles the App with the host settings.
type Reconciler struct {
	client client.Client
	host   Host
	events reconcile.EventRecorder
}

// NewReconciler returns a Reconciler that reads through c, which has no cache.
func NewReconciler(c client.Client, host Host, events reconcile.EventRecorder) *Reconciler {
	return &Reconciler{client: c, host: host, events: events}
}

// scope is the App and the report of applying its host settings in one pass.
type scope struct {
	// app is nil when there is none.
	app    *appv1.App
	report hostconfig.Report
}

func (r *Reconciler) steps() []reconcile.Step[*scope] {
	return []reconcile.Step[*scope]{
		{Name: "reading the App", Do: r.readApp},
		{Name: "changing the host", Do: r.changeHost},
		{Name: "reporting what is in the way", Do: r.reportProblems},
	}
}

// Reconcile implements reconcile.Reconciler.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	s := &scope{app: &appv1.App{ObjectMeta: metav1.ObjectMeta{Name: req.Name}}}
	return reconcile.Run(ctx, s, r.steps()).Result()
}

func (r *Reconciler) readApp(ctx context.Context, s *scope) (o reconcile.Outcome) {
	found, err := reconcile.Find(ctx, r.client, s.app)
	if !found {
		s.app = nil
	}
	return reconcile.RetryIf(err)
}

func (r *Reconciler) changeHost(ctx context.Context, s *scope) reconcile.Outcome {
	report, err := r.host.Apply(ctx, hostconfig.WantedBy(s.app))
	s.report = report
	return reconcile.RetryIf(err)
}

// reportProblems records an Event for each new problem. While there are problems the pass is
// repeated slowly: nothing wakes the reconciler when somebody has solved them.
func (r *Reconciler) reportProblems(ctx context.Context, s *scope) reconcile.Outcome {
	if s.app != nil {
		r.events.Record(ctx, s.app, events(s.report.Fresh)...)
	}
	if n := len(s.report.Problems); n > 0 {
		return reconcile.Wait(fmt.Sprintf("%d problems on the host", n), reconcile.SlowRetry)
	}
	return reconcile.Done()
}

func events(problems []hostconfig.Problem) []reconcile.Event {
	var list []reconcile.Event
	for _, p := range problems {
		list = append(list, reconcile.Event{Warning: true, Reason: EventNotIntegrated, Message: p.Error()})
	}
	return list
}
