// SPDX-License-Identifier: Apache-2.0

// Package hostinfo is the HostInfo controller. It writes to the API what rdd has found out about
// the host, and restores it when others change it. The App's admission rules use the same facts.
//
// It is tested in test/integration (TestHostInfo).
package hostinfo

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	rddv1 "rancherdesktop.io/rdd/api/rdd/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
	"rancherdesktop.io/rdd/internal/rules"
)

// Name of the controller. "rdd-" and the name are its field owner.
const Name = "hostinfo"

// Reconciler reconciles the HostInfo: it creates the object and writes its status.
type Reconciler struct {
	client client.Client
	facts  Facts
	status reconcile.StatusWriter
}

// Rules returns the admission rules for HostInfos.
func Rules() []rules.Rule {
	return []rules.Rule{rules.Exclusive{
		Resource: schema.GroupResource{Group: rddv1.GroupVersion.Group, Resource: "hostinfos"}, Subresource: "status",
		Writers: []string{rules.ControllerName(Name)}, Instead: "rdd writes there what it has found out about the host",
	}.Rule()}
}

// NewReconciler returns a Reconciler that reads and writes through c, which has no cache.
func NewReconciler(c client.Client, facts Facts) *Reconciler {
	return &Reconciler{client: c, facts: facts, status: reconcile.StatusWriter{Client: c, Owner: "rdd-" + Name}}
}

// Reconcile implements reconcile.Reconciler.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	info := &rddv1.HostInfo{ObjectMeta: metav1.ObjectMeta{Name: req.Name}}
	found, err := reconcile.Find(ctx, r.client, info)
	if err != nil {
		return reconcile.Retry(fmt.Errorf("reading the HostInfo: %w", err)).Result()
	}
	if !found {
		if err := r.create(ctx, info); err != nil {
			return reconcile.Retry(fmt.Errorf("making the HostInfo: %w", err)).Result()
		}
	}
	want := r.facts.Status(ctx)
	return reconcile.RetryIf(r.status.Apply(ctx, info, &info.Status, &want)).Result()
}

// create creates the HostInfo by server-side apply. The API server delays a plain create while the
// CRD is new.
func (r *Reconciler) create(ctx context.Context, info *rddv1.HostInfo) error {
	wanted := &unstructured.Unstructured{}
	wanted.SetGroupVersionKind(rddv1.GroupVersion.WithKind("HostInfo"))
	wanted.SetName(info.Name)
	err := r.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(wanted), client.FieldOwner(r.status.Owner), client.ForceOwnership)
	if err != nil {
		return err
	}
	return r.client.Get(ctx, client.ObjectKeyFromObject(info), info)
}

// Setup registers the reconciler with a manager. It is woken when the manager starts, by changes of
// the HostInfo, and when the accelerator of a LimaVM changes, which shows which accelerators work.
func (r *Reconciler) Setup(mgr manager.Manager) error {
	theHost := ctrl.Request{NamespacedName: client.ObjectKey{Name: rddv1.HostInfoName}}
	changed := builder.WithPredicates(predicate.Funcs{UpdateFunc: acceleratorChanged})
	return reconcile.Controller{Name: Name, For: &rddv1.HostInfo{}, Wake: func(b *builder.Builder) {
		b.Watches(&limav1.LimaVM{}, reconcile.Always(theHost), changed).WatchesRawSource(reconcile.AtStart(theHost))
	}}.Setup(mgr, r)
}

func acceleratorChanged(e event.UpdateEvent) bool {
	before, ok := e.ObjectOld.(*limav1.LimaVM)
	after, ok2 := e.ObjectNew.(*limav1.LimaVM)
	return ok && ok2 && before.Status.Accelerator != after.Status.Accelerator
}
