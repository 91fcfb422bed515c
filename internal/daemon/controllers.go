// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"rancherdesktop.io/rdd/internal/apiserver"
	"rancherdesktop.io/rdd/internal/client"
)

// controllerGrace is how long running reconciles may take to end; they hold nothing that must not be interrupted.
const controllerGrace = 300 * time.Millisecond

// controllers builds all controllers and keeps the ones that the arguments ask for.
func (d *daemon) controllers(config func(user string) *rest.Config) ([]Controller, error) {
	all, err := d.options.Controllers(config)
	if err != nil {
		return nil, fmt.Errorf("building the controllers: %w", err)
	}
	var names []string
	for _, controller := range all {
		names = append(names, controller.Name)
	}
	selected, err := Select(d.options.Arguments.Controllers, names)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(c Controller) bool { return !slices.Contains(selected, c.Name) }), nil
}

// startControllers runs the controllers under one manager and returns when they watch.
func (d *daemon) startControllers(ctx context.Context, server *apiserver.Server, controllers []Controller) error {
	ctrl.SetLogger(klog.NewKlogr())
	grace := controllerGrace
	mgr, err := ctrl.NewManager(server.Config(apiserver.DaemonName), ctrl.Options{
		Scheme:                  client.NewScheme(),
		Metrics:                 metricsserver.Options{BindAddress: "0"},
		HealthProbeBindAddress:  "0",
		GracefulShutdownTimeout: &grace,
	})
	if err != nil {
		return fmt.Errorf("building the controllers' manager: %w", err)
	}
	ready := make(chan struct{})
	if err := mgr.Add(manager.RunnableFunc(func(ctx context.Context) error {
		if !mgr.GetCache().WaitForCacheSync(ctx) {
			return ctx.Err()
		}
		close(ready)
		return nil
	})); err != nil {
		return err
	}
	for _, controller := range controllers {
		if err := controller.Setup(mgr); err != nil {
			return fmt.Errorf("setting up controller %s: %w", controller.Name, err)
		}
	}
	d.parts.run("controllers", mgr.Start)
	return d.parts.waitFor(ctx, ready)
}
