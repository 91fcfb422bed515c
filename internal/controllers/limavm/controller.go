// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/source"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
	"rancherdesktop.io/rdd/internal/vm/adoption"
)

// Name of the controller.
const Name = "limavm"

// workers reconcile as many LimaVMs at once. Engine calls are short, but each may wait for a
// process that does not answer, and the others shall not wait for that.
const workers = 8

// Setup lets the manager wake the reconciler: for each change of a LimaVM, of a ConfigMap that it
// is made from or has made, and of an instance that the engine reports.
func (r *Reconciler) Setup(mgr manager.Manager) error {
	cached := mgr.GetCache()
	err := reconcile.Controller{Name: Name, For: &limav1.LimaVM{}, Workers: workers, Wake: func(b *builder.Builder) {
		b.Watches(&corev1.ConfigMap{}, handler.EnqueueRequestsFromMapFunc(r.forConfigMap(cached)), builder.OnlyMetadata).
			WatchesRawSource(r.instances(cached))
	}}.Setup(mgr, r)
	if err != nil || r.deletionsOnly {
		return err
	}
	return mgr.Add(manager.RunnableFunc(r.adoptMachines))
}

// adoptMachines has machines adopted that lost what serves them, until ctx ends. The reconciler
// does not call Start to be sure: a machine that died since it was observed would be started
// without a word.
func (r *Reconciler) adoptMachines(ctx context.Context) error {
	return adoption.Run(ctx, r.engine, slog.New(logr.ToSlogHandler(log.FromContext(ctx).WithName("adoption"))))
}

// forConfigMap wakes the LimaVMs that a ConfigMap is the template or the source of, and the one
// that a template says it belongs to, which may be gone. It reads the cache, which is good enough
// to wake someone: a LimaVM that is not in it yet is woken by its own arrival.
func (r *Reconciler) forConfigMap(cached client.Reader) handler.MapFunc {
	return func(ctx context.Context, cm client.Object) []ctrl.Request {
		reqs := requests(ctx, cached, func(vm *limav1.LimaVM) bool { return Concerns(cm, vm) })
		if name, ok := templateOwner(cm); ok {
			reqs = append(reqs, ctrl.Request{NamespacedName: client.ObjectKey{Namespace: cm.GetNamespace(), Name: name}})
		}
		return reqs
	}
}

// Concerns reports whether a ConfigMap is, or would be, the template or the source of a LimaVM.
func Concerns(cm metav1.Object, vm *limav1.LimaVM) bool {
	if cm.GetNamespace() == vm.Namespace && cm.GetName() == vm.Name+limav1.TemplateSuffix {
		return true
	}
	key := sourceKey(vm)
	return cm.GetNamespace() == key.Namespace && cm.GetName() == key.Name
}

// instances is the source of the engine's news.
func (r *Reconciler) instances(cached client.Reader) source.Source {
	return source.Func(func(ctx context.Context, queue workqueue.TypedRateLimitingInterface[ctrl.Request]) error {
		return r.engine.Watch(ctx, func(name string) {
			for _, req := range requests(ctx, cached, func(vm *limav1.LimaVM) bool { return vm.Name == name }) {
				queue.Add(req)
			}
		})
	})
}

// Existing are the requests for all that there is.
func (r *Reconciler) Existing(ctx context.Context) ([]ctrl.Request, error) {
	return list(ctx, r.client, func(*limav1.LimaVM) bool { return true })
}

// requests selects LimaVMs of all namespaces. A failing cache has stopped: there is nobody left to
// wake.
func requests(ctx context.Context, cached client.Reader, wanted func(*limav1.LimaVM) bool) []ctrl.Request {
	reqs, err := list(ctx, cached, wanted)
	if err != nil {
		return nil
	}
	return reqs
}

func list(ctx context.Context, c client.Reader, wanted func(*limav1.LimaVM) bool) ([]ctrl.Request, error) {
	var all limav1.LimaVMList
	if err := c.List(ctx, &all); err != nil {
		return nil, fmt.Errorf("listing the LimaVMs: %w", err)
	}
	var reqs []ctrl.Request
	for i := range all.Items {
		if wanted(&all.Items[i]) {
			reqs = append(reqs, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&all.Items[i])})
		}
	}
	return reqs, nil
}
