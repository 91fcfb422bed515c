// SPDX-License-Identifier: Apache-2.0

// Package controllers is the explicit list of rdd's controllers: what each needs, which
// requests its admission rules judge, and how it is hung into a manager.
package controllers

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	ctrl "sigs.k8s.io/controller-runtime/pkg/reconcile"

	rddv1 "rancherdesktop.io/rdd/api/rdd/v1alpha1"
	"rancherdesktop.io/rdd/api/scheme"
	"rancherdesktop.io/rdd/internal/controllers/app"
	"rancherdesktop.io/rdd/internal/controllers/engine"
	"rancherdesktop.io/rdd/internal/controllers/hostconfig"
	"rancherdesktop.io/rdd/internal/controllers/hostinfo"
	"rancherdesktop.io/rdd/internal/controllers/limavm"
	"rancherdesktop.io/rdd/internal/reconcile"
	"rancherdesktop.io/rdd/internal/rules"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// Deps are what the controllers need.
type Deps struct {
	// Config is how a user of the given name reaches the API server. It is first called when a
	// rule judges a request or a controller is set up, so the server need not run yet.
	Config func(user string) *rest.Config
	// Engine runs the virtual machines.
	Engine vm.Engine
	// Host is what the machine offers.
	Host template.Host
	// LimaHome is where the engine makes instances; names must leave room for socket paths below it.
	LimaHome string
	// DockerSocket is where the App's Docker socket appears on the host.
	DockerSocket string
	// Enabled says which controllers run, by their names; nil: all. It is asked when the controllers are set up.
	Enabled func(name string) bool
	// Containers looks after the App's container engine.
	Containers engine.Monitor
	// Versions of what rdd consists of.
	Versions rddv1.Versions
	// Integration is the user's host as it is changed for docker to find the App's engine; nil: it is left alone.
	Integration hostconfig.Host
	// Clock is the time that decides waits and conditions.
	Clock clock.PassiveClock
}

// Controller is one of rdd's controllers.
type Controller struct {
	// Name is the word that --controllers knows it by.
	Name string
	// Rules judge requests about the controller's resources.
	Rules []rules.Rule
	// setup hangs the controller into a manager made with scheme.New, and returns its reconciler.
	setup func(mgr manager.Manager) (reconciler, error)
}

// New lists the controllers, each before those whose news it passes on. It is the order in which their rules judge, too: the App's
// say what to do instead.
func New(deps Deps) []Controller {
	known := scheme.New()
	return []Controller{deps.app(known), deps.engine(known), deps.limaVM(known), deps.hostInfo(known), deps.integration(known)}
}

// Setup hangs controllers into a manager made with scheme.New, which has not started. What look returns before it does has been
// done: each has reconciled once all that there was, so that the API does not tell of machines as another daemon left
// them. What went wrong is tried again when the manager runs.
func Setup(mgr manager.Manager, selected []Controller) (look func(ctx context.Context) error, err error) {
	var reconcilers []existing
	for _, c := range selected {
		r, err := c.setup(mgr)
		if err != nil {
			return nil, fmt.Errorf("setting up controller %s: %w", c.Name, err)
		}
		if e, ok := r.(existing); ok {
			reconcilers = append(reconcilers, e)
		}
	}
	return func(ctx context.Context) error {
		var errs []error
		for _, r := range slices.Backward(reconcilers) {
			errs = append(errs, lookOnce(ctx, r))
		}
		return errors.Join(errs...)
	}, nil
}

func lookOnce(ctx context.Context, r existing) error {
	requests, err := r.Existing(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, request := range requests {
		_, err := r.Reconcile(ctx, request)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Rules are the admission rules of all controllers, and those that guard rdd's own API.
func Rules(all []Controller) []rules.Rule {
	judged := []rules.Rule{definitionGuard()}
	for _, c := range all {
		judged = append(judged, c.Rules...)
	}
	return judged
}

func (d Deps) app(known *runtime.Scheme) Controller {
	facts := app.Facts{Host: d.Host, DockerSocket: d.DockerSocket, HomeProblem: d.homeProblem}
	live := &liveReader{make: func() (client.Client, error) { return d.Client(app.Name, known) }}
	return Controller{
		Name:  app.Name,
		Rules: app.Rules(known, live, facts),
		setup: d.setup(known, app.Name, func(c client.Client) reconciler {
			facts.EngineController = d.Enabled == nil || d.Enabled(engine.Name)
			return app.NewReconciler(c, d.Clock, facts, d.recorder(c, app.Name))
		}),
	}
}

func (d Deps) limaVM(known *runtime.Scheme) Controller {
	live := &liveReader{make: func() (client.Client, error) { return d.Client(limavm.Name, known) }}
	return Controller{
		Name:  limavm.Name,
		Rules: limavm.Rules(known, live, d.Host, d.LimaHome),
		setup: d.setup(known, limavm.Name, func(c client.Client) reconciler {
			return limavm.NewReconciler(c, d.Engine, d.Clock, d.Host, d.recorder(c, limavm.Name))
		}),
	}
}

func (d Deps) engine(known *runtime.Scheme) Controller {
	return Controller{
		Name: engine.Name,
		setup: d.setup(known, engine.Name, func(c client.Client) reconciler {
			return engine.NewReconciler(c, d.Containers, d.Clock, d.recorder(c, engine.Name))
		}),
	}
}

func (d Deps) hostInfo(known *runtime.Scheme) Controller {
	return Controller{
		Name:  hostinfo.Name,
		setup: d.setup(known, hostinfo.Name, func(c client.Client) reconciler { return hostinfo.NewReconciler(c, d.lookAtHost) }),
	}
}

func (d Deps) integration(known *runtime.Scheme) Controller {
	setup := d.setup(known, hostconfig.Name, func(c client.Client) reconciler {
		return hostconfig.NewReconciler(c, d.Integration, d.recorder(c, hostconfig.Name))
	})
	if d.Integration == nil {
		setup = func(manager.Manager) (reconciler, error) { return idle{}, nil }
	}
	return Controller{Name: hostconfig.Name, setup: setup}
}

// reconciler can be hung into a manager.
type reconciler interface {
	Setup(mgr manager.Manager) error
}

// idle reconciles nothing.
type idle struct{}

// Setup implements reconciler.
func (idle) Setup(manager.Manager) error { return nil }

// existing is a reconciler that knows all that there is to reconcile.
type existing interface {
	ctrl.Reconciler
	Existing(ctx context.Context) ([]ctrl.Request, error)
}

// setup makes a controller's client when it is set up, and its reconciler of that.
func (d Deps) setup(known *runtime.Scheme, name string, build func(client.Client) reconciler) func(manager.Manager) (reconciler, error) {
	return func(mgr manager.Manager) (reconciler, error) {
		c, err := d.Client(name, known)
		if err != nil {
			return nil, err
		}
		r := build(c)
		return r, r.Setup(mgr)
	}
}

func (d Deps) recorder(c client.Client, controller string) reconcile.EventRecorder {
	return recorder{client: c, clock: d.Clock, controller: controller}
}

// Client is a live client, without a cache, with the identity of the named controller.
func (d Deps) Client(controller string, known *runtime.Scheme) (client.Client, error) {
	config := rest.CopyConfig(d.Config(rules.ControllerName(controller)))
	config.QPS = -1 // the server is in this process
	c, err := client.New(config, client.Options{Scheme: known, Mapper: scheme.NewMapper(known)})
	if err != nil {
		return nil, fmt.Errorf("making the client of controller %s: %w", controller, err)
	}
	return c, nil
}
