// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"fmt"
	"time"

	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/api/scheme"
	"rancherdesktop.io/rdd/internal/apiserver"
	"rancherdesktop.io/rdd/internal/rules"
)

// controllerGrace is how long running reconciles may take to end when the daemon stops. It is
// short: a reconcile can be interrupted at any time.
const controllerGrace = 300 * time.Millisecond

// initialReconcileTimeout bounds the initial reconcile. A machine that does not answer must not
// delay the daemon's readiness for longer.
const initialReconcileTimeout = 5 * time.Second

// startControllers does the initial reconcile, starts the controllers under one manager, and
// returns when their watches have begun.
func (d *daemon) startControllers(ctx context.Context, server *apiserver.Server, controllers Controllers) error {
	ctrl.SetLogger(klog.NewKlogr())
	grace := controllerGrace
	mgr, err := ctrl.NewManager(server.Config(rules.DaemonName), ctrl.Options{
		Scheme:                  scheme.New(),
		Metrics:                 metricsserver.Options{BindAddress: "0"},
		HealthProbeBindAddress:  "0",
		GracefulShutdownTimeout: &grace,
	})
	if err != nil {
		return fmt.Errorf("building the controllers' manager: %w", err)
	}
	ready := make(chan struct{})
	if err := mgr.Add(manager.RunnableFunc(func(ctx context.Context) error {
		defer close(ready)
		return watching(ctx, mgr.GetCache())
	})); err != nil {
		return err
	}
	initial, err := controllers.Setup(mgr)
	if err != nil {
		return err
	}
	d.reconcileOnce(ctx, initial)
	d.parts.Run("controllers", mgr.Start)
	d.parts.Add("container engine monitor", nil, func() error { controllers.Close(); return nil })
	return d.parts.WaitFor(ctx, ready)
}

// reconcileOnce does the initial reconcile, so that the API has the present state of machines when
// the daemon is ready. A failure does not fail the start: the controllers try again.
func (d *daemon) reconcileOnce(ctx context.Context, initial func(ctx context.Context) error) {
	ctx, cancel := context.WithTimeout(ctx, initialReconcileTimeout)
	defer cancel()
	if err := initial(ctx); err != nil {
		klog.ErrorS(err, "Not all could be reconciled before the daemon is ready; it is tried again")
	}
	d.step("The initial reconcile is done")
}

// watching returns when the watches of rdd's own resources, which wake the controllers, have begun.
// The manager's own way to wait for that polls ten times a second.
func watching(ctx context.Context, watched cache.Cache) error {
	for _, object := range []ctrlclient.Object{&appv1.App{}, &limav1.LimaVM{}} {
		informer, err := watched.GetInformer(ctx, object, cache.BlockUntilSynced(false))
		if err != nil {
			return fmt.Errorf("watching %T: %w", object, err)
		}
		handle, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{})
		if err != nil {
			return fmt.Errorf("watching %T: %w", object, err)
		}
		select {
		case <-handle.HasSyncedChecker().Done():
		case <-ctx.Done():
			return nil // stopped before it began
		}
		if err := informer.RemoveEventHandler(handle); err != nil {
			return fmt.Errorf("watching %T: %w", object, err)
		}
	}
	return nil
}
