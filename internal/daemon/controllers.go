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
	"rancherdesktop.io/rdd/internal/apiserver"
	"rancherdesktop.io/rdd/internal/controllers"
)

// controllerGrace is how long running reconciles may take to end; they hold nothing that must not be interrupted.
const controllerGrace = 300 * time.Millisecond

// startControllers runs the controllers under one manager and returns when they watch.
func (d *daemon) startControllers(ctx context.Context, server *apiserver.Server, selected []controllers.Controller) error {
	ctrl.SetLogger(klog.NewKlogr())
	grace := controllerGrace
	mgr, err := ctrl.NewManager(server.Config(apiserver.DaemonName), ctrl.Options{
		Scheme:                  controllers.Scheme(),
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
	for _, controller := range selected {
		if err := controller.Setup(mgr); err != nil {
			return fmt.Errorf("setting up controller %s: %w", controller.Name, err)
		}
	}
	d.parts.Run("controllers", mgr.Start)
	d.parts.Add("container engine monitor", nil, func() error { d.options.Engines.Containers.Close(); return nil })
	return d.parts.WaitFor(ctx, ready)
}

// watching returns when the watches of rdd's own resources, which wake the controllers, have begun. The
// manager's own means to know would poll ten times a second.
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
