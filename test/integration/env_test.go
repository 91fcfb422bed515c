// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	rddv1 "rancherdesktop.io/rdd/api/rdd/v1alpha1"
	"rancherdesktop.io/rdd/api/scheme"
	containersfake "rancherdesktop.io/rdd/internal/containers/fake"
	"rancherdesktop.io/rdd/internal/controllers"
	"rancherdesktop.io/rdd/internal/daemon/wiring"
	"rancherdesktop.io/rdd/internal/rules"
	"rancherdesktop.io/rdd/internal/vm/fake"
	"rancherdesktop.io/rdd/internal/vm/template"
	"rancherdesktop.io/rdd/test/apitest"
)

// waitTimeout is the timeout of every wait. It is long: no test measures time by it.
const waitTimeout = time.Minute

var host = template.Host{Arch: template.ArchX8664, CPUs: 4, Memory: 16 << 30}

const dockerSocket = "/home/someone/.rd2/docker.sock"

// env is the API server with rdd's rules and, unless stopped, its controllers on the fake engine.
type env struct {
	*testing.T
	server *apitest.Server
	values wiring.Values
	config func(user string) *rest.Config
	world  *fake.World
	// monitor is the fake monitor of container engines.
	monitor *containersfake.Monitor
	user    client.WithWatch
	stop    context.CancelFunc
	ended   chan error
}

// newEnv starts a server whose controllers do not run yet.
func newEnv(t *testing.T) *env { return newEnvIn(t, apitest.Dir(t)) }

// newEnvIn is newEnv with the server's files in a directory.
func newEnvIn(t *testing.T, dir string) *env {
	e := &env{T: t, world: fake.NewWorld(time.Now), monitor: &containersfake.Monitor{Immediate: true}}
	e.values = wiring.Values{
		Engines: wiring.Engines{Machines: e.world.Open(), Containers: e.monitor}, Enabled: controllers.Names(),
		Host: host, LimaHome: "/home/someone-with-a-long-name/.rd2/lima", DockerSocket: dockerSocket,
		Versions: rddv1.Versions{RDD: "v0.0.0-test"}, Clock: clock.RealClock{},
	}
	e.server = apitest.StartIn(t, dir, func(config func(user string) *rest.Config) []rules.Rule {
		e.config = config
		return e.controllers().Rules()
	})
	e.user = e.as("rdd:user")
	return e
}

// start is newEnv with running controllers, and an engine that does its background work.
func start(t *testing.T) *env {
	e := newEnv(t)
	e.begin()
	return e
}

// begin starts the controllers, and has the engine do its background work.
func (e *env) begin() {
	e.startControllers()
	ctx, cancel := context.WithCancel(context.Background())
	e.Cleanup(cancel)
	go e.world.Run(ctx, 10*time.Millisecond)
}

// as returns a client for a user name.
func (e *env) as(user string) client.WithWatch {
	e.Helper()
	config := rest.CopyConfig(e.server.Config(user))
	config.QPS = -1
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme.New()})
	e.must(err)
	return c
}

// controllers returns the controllers of a new daemon.
func (e *env) controllers() *wiring.Controllers {
	return wiring.NewControllers(e.Context(), e.values, e.config)
}

// startControllers does the initial reconcile, and starts the controllers. They run until
// stopControllers or the end of the test.
func (e *env) startControllers() {
	e.Helper()
	mgr := e.newManager()
	ctx, cancel := context.WithCancel(context.Background())
	initial, err := e.controllers().Setup(mgr)
	e.must(err)
	_ = initial(ctx) // the controllers repeat what has failed
	e.stop, e.ended = cancel, make(chan error, 1)
	ended := e.ended
	go func() { ended <- mgr.Start(ctx) }()
	e.Cleanup(cancel)
	select {
	case <-mgr.Elected():
	case err := <-ended:
		e.Fatalf("the controllers ended: %v", err)
	}
}

func (e *env) newManager() manager.Manager {
	e.Helper()
	mgr, err := ctrl.NewManager(e.server.Config("system:rdd:daemon"), manager.Options{
		Scheme: scheme.New(), Metrics: metricsserver.Options{BindAddress: "0"},
	})
	e.must(err)
	return mgr
}

// stopControllers stops the controllers as a daemon does, and drops the engine's background work.
func (e *env) stopControllers() {
	e.Helper()
	e.stop()
	e.must(<-e.ended)
	e.values.Machines = e.world.Open()
}

func (e *env) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

// mustRefuse checks that a request is refused with 403 and a message that has each part.
func (e *env) mustRefuse(err error, parts ...string) {
	e.Helper()
	if !apierrors.IsForbidden(err) {
		e.Fatalf("want a refusal (403), got %v", err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			e.Fatalf("the refusal does not say %q: %v", part, err)
		}
	}
}

// mustInvalid checks that a request is refused by the schema with 422.
func (e *env) mustInvalid(err error, part string) {
	e.Helper()
	if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), part) {
		e.Fatalf("want 422 with %q, got %v", part, err)
	}
}

// wait waits until done returns true. It calls done after each change of an object of list's kind.
func (e *env) wait(what string, list client.ObjectList, done func() (bool, string)) {
	e.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), waitTimeout)
	defer cancel()
	for {
		changes, err := e.user.Watch(ctx, list)
		e.must(err)
		last := e.follow(ctx, changes, done)
		if last == "" {
			return
		}
		if ctx.Err() != nil {
			e.Fatalf("%s: not so within %s; last: %s", what, waitTimeout, last)
		}
	}
}

// follow calls done after each change. It returns "" when done has returned true, or done's last
// text when the watch ends.
func (e *env) follow(ctx context.Context, changes watch.Interface, done func() (bool, string)) string {
	defer changes.Stop()
	for {
		ok, seen := done()
		if ok {
			return ""
		}
		select {
		case <-ctx.Done():
			return seen + " "
		case _, open := <-changes.ResultChan():
			if !open {
				return seen + " "
			}
		}
	}
}

// newApp returns an App as a user writes it.
func newApp(change func(*appv1.App)) *appv1.App {
	app := &appv1.App{}
	app.Name = appv1.AppName
	if change != nil {
		change(app)
	}
	return app
}
