// SPDX-License-Identifier: Apache-2.0

package wiring

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"rancherdesktop.io/rdd/api/crds"
	rddv1 "rancherdesktop.io/rdd/api/rdd/v1alpha1"
	"rancherdesktop.io/rdd/api/scheme"
	"rancherdesktop.io/rdd/internal/controllers/app"
	"rancherdesktop.io/rdd/internal/controllers/engine"
	"rancherdesktop.io/rdd/internal/controllers/hostconfig"
	"rancherdesktop.io/rdd/internal/controllers/hostinfo"
	"rancherdesktop.io/rdd/internal/controllers/limavm"
	"rancherdesktop.io/rdd/internal/reconcile"
	"rancherdesktop.io/rdd/internal/rules"
	"rancherdesktop.io/rdd/internal/rules/definitions"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// Values are what the controllers are built from.
type Values struct {
	Engines
	// Enabled are the names of the controllers that run, of controllers.Names. The admission rules of
	// the others are in force too: a later daemon may reconcile their objects.
	Enabled []string
	// Host describes the host: its architecture, CPUs and memory.
	Host template.Host
	// LimaHome is the directory of the instance directories. Names must leave room for socket paths
	// below it.
	LimaHome string
	// DockerSocket is the path on the host of the App's Docker socket.
	DockerSocket string
	// Versions are those of rdd's components.
	Versions rddv1.Versions
	// Integration applies host settings; nil means that there is nothing to change.
	Integration hostconfig.Host
	// Clock is the clock for waits and for the times in the API.
	Clock clock.PassiveClock
}

// Controllers are rdd's controllers. They are built, but not started.
type Controllers struct {
	values Values
	config func(user string) *rest.Config
	scheme *runtime.Scheme
	home   *homeCheck
	all    []controller
}

// controller is one controller, before its reconciler is built.
type controller struct {
	// name is its name in --controllers.
	name string
	// rules are its admission rules.
	rules []rules.Rule
	// build returns the reconciler, which reads and writes through c, a client without a cache. A nil
	// build means that there is nothing to reconcile.
	build func(c client.Client) reconciler
}

// reconciler can be registered with a manager.
type reconciler interface {
	Setup(mgr manager.Manager) error
}

// NewControllers builds the controllers. config returns the client configuration for a user name.
// It is first called by an admission rule or by Setup, so the API server need not run yet.
// NewControllers starts checks of the host in the background, which end with ctx.
func NewControllers(ctx context.Context, values Values, config func(user string) *rest.Config) *Controllers {
	c := &Controllers{values: values, config: config, scheme: scheme.New(), home: checkHome(ctx, values.Machines)}
	c.all = []controller{c.app(), c.engine(), c.limaVM(), c.hostInfo(), c.integration()}
	return c
}

// Rules returns the admission rules of all controllers, enabled or not, after the rules that guard
// rdd's CustomResourceDefinitions.
func (c *Controllers) Rules() []rules.Rule {
	all := definitions.Guard(c.scheme, crds.Names())
	for _, each := range c.all {
		all = append(all, each.rules...)
	}
	return all
}

// Close closes the container engine monitor. The reconcilers may still be called.
func (c *Controllers) Close() { c.values.Containers.Close() }

func (c *Controllers) app() controller {
	facts := app.Facts{
		Host: c.values.Host, DockerSocket: c.values.DockerSocket,
		HomeProblem: c.home.Problem, EngineController: c.enabled(engine.Name),
	}
	return controller{
		name:  app.Name,
		rules: app.Rules(c.scheme, c.reader(app.Name), facts),
		build: func(live client.Client) reconciler {
			return app.NewReconciler(live, c.values.Clock, facts, c.recorder(live, app.Name))
		},
	}
}

func (c *Controllers) engine() controller {
	return controller{
		name: engine.Name,
		build: func(live client.Client) reconciler {
			return engine.NewReconciler(live, c.values.Containers, c.values.Clock, c.recorder(live, engine.Name))
		},
	}
}

func (c *Controllers) limaVM() controller {
	v := c.values
	return controller{
		name:  limavm.Name,
		rules: limavm.Rules(c.scheme, c.reader(limavm.Name), v.Host, v.LimaHome),
		build: func(live client.Client) reconciler {
			return limavm.NewReconciler(live, v.Machines, v.Clock, v.Host, c.recorder(live, limavm.Name))
		},
	}
}

func (c *Controllers) hostInfo() controller {
	facts := hostinfo.Facts{Host: c.values.Host, Versions: c.values.Versions, Machines: c.values.Machines}
	return controller{
		name:  hostinfo.Name,
		rules: hostinfo.Rules(),
		build: func(live client.Client) reconciler { return hostinfo.NewReconciler(live, facts) },
	}
}

func (c *Controllers) integration() controller {
	made := controller{name: hostconfig.Name}
	if c.values.Integration != nil {
		made.build = func(live client.Client) reconciler {
			return hostconfig.NewReconciler(live, c.values.Integration, c.recorder(live, hostconfig.Name))
		}
	}
	return made
}

func (c *Controllers) enabled(name string) bool { return slices.Contains(c.values.Enabled, name) }

func (c *Controllers) recorder(live client.Client, controller string) reconcile.EventRecorder {
	return reconcile.NewRecorder(live, c.values.Clock, controller)
}

// reader returns a reader without a cache that has the identity of the named controller.
func (c *Controllers) reader(controller string) client.Reader {
	return reconcile.NewLazyReader(func() (client.Client, error) { return c.client(controller) })
}

// client returns a client without a cache that has the identity of the named controller.
func (c *Controllers) client(controller string) (client.Client, error) {
	config := rest.CopyConfig(c.config(rules.ControllerName(controller)))
	config.QPS = -1 // the server is in this process
	live, err := client.New(config, client.Options{Scheme: c.scheme, Mapper: scheme.NewMapper(c.scheme)})
	if err != nil {
		return nil, fmt.Errorf("making the client of controller %s: %w", controller, err)
	}
	return live, nil
}
