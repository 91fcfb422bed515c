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

// workers is how many LimaVMs are reconciled at the same time. A call of the engine may block on a
// process that does not answer, and must not hold up other LimaVMs.
const workers = 8

// Setup registers the reconciler with a manager. Changes of a LimaVM wake it, of its source and
// template ConfigMaps, and of an instance, which the engine reports. Setup also has machines
// adopted while the manager runs.
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

// adoptMachines has machines adopted that have lost their hostagent, until ctx ends. The reconciler
// does not call Start for that: Start would also start a machine that has exited since it was
// observed, and nothing would report the exit.
func (r *Reconciler) adoptMachines(ctx context.Context) error {
	return adoption.Run(ctx, r.engine, slog.New(logr.ToSlogHandler(log.FromContext(ctx).WithName("adoption"))))
}

// forConfigMap returns the requests for a changed ConfigMap: the LimaVMs that have it as template
// or source, and the owner of a template, which may have been deleted. It reads the cache. A LimaVM
// that is not in the cache yet is woken by its own event.
func (r *Reconciler) forConfigMap(cached client.Reader) handler.MapFunc {
	return func(ctx context.Context, cm client.Object) []ctrl.Request {
		reqs := requests(ctx, cached, func(vm *limav1.LimaVM) bool { return Concerns(cm, vm) })
		if name, ok := templateOwner(cm); ok {
			reqs = append(reqs, ctrl.Request{NamespacedName: client.ObjectKey{Namespace: cm.GetNamespace(), Name: name}})
		}
		return reqs
	}
}

// Concerns reports whether a ConfigMap has the name of the template or the source of a LimaVM.
func Concerns(cm metav1.Object, vm *limav1.LimaVM) bool {
	if cm.GetNamespace() == vm.Namespace && cm.GetName() == vm.Name+limav1.TemplateSuffix {
		return true
	}
	key := sourceKey(vm)
	return cm.GetNamespace() == key.Namespace && cm.GetName() == key.Name
}

// instances is the source of requests for instances that the engine reports as changed.
func (r *Reconciler) instances(cached client.Reader) source.Source {
	return source.Func(func(ctx context.Context, queue workqueue.TypedRateLimitingInterface[ctrl.Request]) error {
		return r.engine.Watch(ctx, func(name string) {
			for _, req := range requests(ctx, cached, func(vm *limav1.LimaVM) bool { return vm.Name == name }) {
				queue.Add(req)
			}
		})
	})
}

// Existing returns the requests of the initial reconcile: all LimaVMs.
func (r *Reconciler) Existing(ctx context.Context) ([]ctrl.Request, error) {
	return list(ctx, r.client, func(*limav1.LimaVM) bool { return true })
}

// requests returns the requests for the wanted LimaVMs of all namespaces. It ignores errors:
// reading the cache fails only when the manager has stopped.
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
