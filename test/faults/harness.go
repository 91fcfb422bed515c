// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/containers"
	containersfake "rancherdesktop.io/rdd/internal/containers/fake"
	"rancherdesktop.io/rdd/internal/controllers/app"
	"rancherdesktop.io/rdd/internal/controllers/engine"
	"rancherdesktop.io/rdd/internal/controllers/limavm"
	"rancherdesktop.io/rdd/internal/rules"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/fake"
	"rancherdesktop.io/rdd/internal/vm/template"
	"rancherdesktop.io/rdd/test/sim"
)

const (
	// maxPasses is how many passes a stage may take. A run that needs more does not converge.
	maxPasses = 400
	// quietTimers is how many timers may expire without an effect before a stage counts as ended.
	quietTimers = 4
	// namespaceTimeout is how long the API server's namespace controller may take for a namespace.
	namespaceTimeout = time.Minute
)

var (
	host  = template.Host{Arch: template.ArchX8664, CPUs: 4, Memory: 16 << 30}
	facts = app.Facts{Host: host, DockerSocket: "/home/someone/.rd2/docker.sock", EngineController: true}
)

// mutant is a planted bug: it wraps a client, the engine, the monitor or a result. The zero mutant
// has no bug.
type mutant struct {
	name   string
	client func(h *harness, controller string, c client.WithWatch) client.WithWatch
	engine func(h *harness, e vm.Engine) vm.Engine
	// monitor wraps the monitor of container engines.
	monitor func(m engine.Monitor) engine.Monitor
	// result changes the result of a reconciler.
	result func(ctrl.Result, error) (ctrl.Result, error)
	// deaf never restarts a watch that has ended.
	deaf bool
}

// request is a request for one reconciler.
type request struct {
	controller string
	key        client.ObjectKey
}

// harness is an engine in memory, an API server, and a daemon whose reconcilers the tests step.
type harness struct {
	user    client.WithWatch
	inner   map[string]client.WithWatch // by controller
	sim     *sim.API                    // nil: the real API server
	world   *fake.World
	clock   *clocktesting.FakePassiveClock
	inj     *injector
	mutant  mutant
	apps    *app.Reconciler
	vms     *limavm.Reconciler
	engines *engine.Reconciler
	// monitor is the present daemon's monitor of container engines. The controller gets
	// wrappedMonitor, which a mutant may have changed.
	monitor        *containersfake.Monitor
	wrappedMonitor engine.Monitor
	queue          []request
	timers         map[request]time.Time
	seen           map[string]client.Object // as of their last event
	states         map[string]vm.State
	changes        int // events so far
	passes         int
	// delayed are the requests of a delayed event. lost says that an event was dropped.
	delayed []request
	lost    bool
	// stop ends partial stages early. asked counts the requests that were made by annotation.
	stop  func() bool
	asked int64
	// every selects one of so many faults; 0 selects all.
	every int
	// eventCount is the number of Events that were recorded.
	eventCount int
	// own is the revision of each controller's last write.
	own map[string]int64
	// cutShort says that the last stage was partial: the same daemon continues with the next one.
	cutShort bool
	count    int64 // how often machines had reached Running at the end of the last stage
	broken   error // the first broken invariant
	// onInstance has what a user does, once, as soon as an instance of that name appears.
	onInstance map[string]func() error
	// working is called before and after a reconciler works; nil: nobody wants to know.
	working func(bool)
	// engineProblem is why container engines fail; empty when they work.
	engineProblem string
	// verified are the container engines, each in one start of its machine, that have passed their
	// smoke test.
	verified map[containers.Target]bool
}

// newHarness returns a harness on an API server. connect returns a client for a user name.
func newHarness(clock *clocktesting.FakePassiveClock, connect func(user string) (client.WithWatch, error), m mutant) (*harness, error) {
	h := &harness{
		inner: map[string]client.WithWatch{}, inj: &injector{}, mutant: m, timers: map[request]time.Time{},
		seen: map[string]client.Object{}, states: map[string]vm.State{}, clock: clock, own: map[string]int64{},
		verified: map[containers.Target]bool{},
	}
	h.world = fake.NewWorld(h.clock.Now)
	h.world.SetSteps(fake.Steps{Create: 2, Boot: 1, Stop: 1, Delete: 1}) // each can be observed before its end
	for _, name := range []string{"user", app.Name, limavm.Name, engine.Name} {
		user := "rdd:user"
		if name != "user" {
			user = rules.ControllerName(name)
		}
		made, err := connect(user)
		if err != nil {
			return nil, err
		}
		h.inner[name] = made
	}
	h.user = h.inner["user"]
	return h, nil
}

// build builds the reconcilers of a daemon. It keeps the present monitor.
func (h *harness) build() {
	h.inj.crashed = false
	h.apps = app.NewReconciler(h.clientOf(app.Name), h.clock, facts, eventChecker{h})
	var machines vm.Engine = recordEngine{Engine: h.world.Open(), inj: h.inj, touched: h.touched}
	if h.mutant.engine != nil {
		machines = h.mutant.engine(h, machines)
	}
	h.vms = limavm.NewReconciler(h.clientOf(limavm.Name), machines, h.clock, host, eventChecker{h})
	if h.monitor == nil {
		h.monitor = &containersfake.Monitor{}
		h.monitor.Break(h.engineProblem)
		h.monitor.Watch(h.engineChanged)
		h.wrappedMonitor = h.monitor
		if h.mutant.monitor != nil {
			h.wrappedMonitor = h.mutant.monitor(h.monitor)
		}
	}
	h.engines = engine.NewReconciler(h.clientOf(engine.Name), h.wrappedMonitor, h.clock, eventChecker{h})
}

// engineChanged records which container engine was verified, and wakes its controller.
func (h *harness) engineChanged() {
	if state := h.monitor.State(); state != nil && state.Phase == containers.PhaseConnected {
		h.verified[state.Target] = true
	}
	h.wake(theEngine)
}

// theEngine is the only request of the container engine controller.
var theEngine = request{engine.Name, client.ObjectKey{Name: appv1.AppName}}

// restart starts a new daemon, which reconciles everything. The old one's background work is
// dropped.
func (h *harness) restart() {
	h.monitor = nil
	h.build()
	h.queue = nil
	clear(h.timers)
	h.wake(request{app.Name, client.ObjectKey{Name: appv1.AppName}})
	h.wake(theEngine)
	h.delayed = nil
	h.relist()
}

func (h *harness) clientOf(controller string) client.WithWatch {
	c := recordClient(controller, h.inner[controller], h.inj, func(obj client.Object) {
		if h.sim != nil {
			h.own[controller] = h.sim.Revision()
		}
		h.wrote(context.Background(), obj)
	})
	if h.mutant.client != nil {
		c = h.mutant.client(h, controller, c)
	}
	return c
}

// wake queues a request once.
func (h *harness) wake(r request) {
	if !slices.Contains(h.queue, r) {
		h.queue = append(h.queue, r)
	}
}

// vmRequests returns the requests for the wanted LimaVMs.
func (h *harness) vmRequests(wanted func(*limav1.LimaVM) bool) []request {
	var found []request
	for _, id := range slices.Sorted(maps.Keys(h.seen)) {
		if vm, ok := h.seen[id].(*limav1.LimaVM); ok && wanted(vm) {
			found = append(found, request{limavm.Name, client.ObjectKeyFromObject(vm)})
		}
	}
	return found
}

// wrote reads an object after a write. If it has changed, wrote wakes the controllers that watch
// it, as the watches of their Setup would.
func (h *harness) wrote(ctx context.Context, obj client.Object) {
	now := fresh(obj)
	key := client.ObjectKeyFromObject(obj)
	err := h.user.Get(ctx, key, now)
	if client.IgnoreNotFound(err) != nil {
		h.breaks(fmt.Errorf("looking at %T %s: %w", now, key, err))
		return
	}
	if ns, ok := now.(*corev1.Namespace); ok && err == nil && !ns.DeletionTimestamp.IsZero() && h.sim == nil {
		err = h.awaitNamespace(ctx, ns)
	}
	id := fmt.Sprintf("%T %s", now, key)
	last := h.seen[id]
	switch {
	case err != nil && last == nil:
	case err != nil:
		delete(h.seen, id)
		h.event(last)
		h.breaks(h.checkDeleted(last.GetUID()))
	case last == nil || last.GetResourceVersion() != now.GetResourceVersion():
		h.seen[id] = now
		h.event(now)
		if a, ok := now.(*appv1.App); ok {
			h.breaks(h.checkSettled(a))
		}
		if last == nil {
			h.breaks(h.checkNew(now))
		}
	}
}

// fresh returns an empty typed object for obj, which may be an apply configuration.
func fresh(obj client.Object) client.Object {
	if u, ok := obj.(interface{ GetKind() string }); ok {
		switch u.GetKind() {
		case "App":
			return &appv1.App{}
		case "LimaVM":
			return &limav1.LimaVM{}
		}
	}
	return reflect.New(reflect.TypeOf(obj).Elem()).Interface().(client.Object)
}

// touched reads an instance after a call of the engine or a step of its work. If the state has
// changed, it wakes the LimaVM's controller, as the engine's watch would.
func (h *harness) touched(name string) {
	state, _ := h.world.Peek(name)
	if reflect.DeepEqual(h.states[name], state) {
		return
	}
	h.states[name] = state
	h.changes++
	h.deliver(h.vmRequests(func(vm *limav1.LimaVM) bool { return vm.Name == name }))
	if act := h.onInstance[name]; act != nil && state.Name == name {
		delete(h.onInstance, name)
		h.breaks(act())
	}
}

// breaks records the first broken invariant.
func (h *harness) breaks(err error) {
	if h.broken == nil {
		h.broken = err
	}
}

// drive runs the daemon until stop returns true, or nothing is left to do. It fails when an
// invariant is broken or the daemon does not come to rest.
func (h *harness) drive(ctx context.Context, stop func() bool) error {
	quiet := 0
	for h.passes = 0; h.passes < maxPasses; h.passes++ {
		if h.broken != nil || (stop != nil && stop()) {
			return h.broken
		}
		before := h.changes
		switch {
		case len(h.queue) > 0:
			if err := h.pass(ctx); err != nil {
				return err
			}
			continue
		case h.advance():
		case len(h.delayed) > 0:
			h.queue, h.delayed = h.delayed, nil
		case h.sweep(ctx):
		case len(h.timers) > 0 && quiet < quietTimers:
			h.nextTimer()
			quiet++
		case h.lost && !h.mutant.deaf:
			h.relist()
		default:
			return h.checkRest()
		}
		if h.changes != before {
			quiet = 0
		}
	}
	return fmt.Errorf("not settled after %d passes; last calls: %q", maxPasses, tail(h.inj.calls, 12))
}

func tail(calls []call, n int) []string {
	var names []string
	for _, c := range calls[max(0, len(calls)-n):] {
		names = append(names, c.what)
	}
	return names
}

// pass reconciles the first request of the queue.
func (h *harness) pass(ctx context.Context) error {
	r := h.queue[0]
	h.queue = h.queue[1:]
	reconciler := h.apps.Reconcile
	switch r.controller {
	case limavm.Name:
		reconciler = h.vms.Reconcile
	case engine.Name:
		reconciler = h.engines.Reconcile
	}
	h.beginPass(r)
	if h.working == nil {
		h.working = func(bool) {}
	}
	h.working(true)
	result, err := reconciler(ctx, ctrl.Request{NamespacedName: r.key})
	h.working(false)
	if h.inj.crashed {
		h.restart()
		return nil
	}
	if errors.Is(err, errCrashed) {
		return fmt.Errorf("a dead daemon's error came to light: %w", err)
	}
	if h.mutant.result != nil {
		result, err = h.mutant.result(result, err)
	}
	if err != nil {
		h.wake(r)
	} else if result.RequeueAfter > 0 {
		h.timers[r] = h.clock.Now().Add(result.RequeueAfter)
	}
	return nil
}

// advance does one step of the engine's and the monitor's work, and reports whether there was any.
func (h *harness) advance() bool {
	names := h.world.Names()
	moved := h.world.Advance()
	moved = h.monitor.Advance() || moved
	for _, name := range names {
		h.touched(name)
	}
	return moved
}

// sweep runs the namespace controller of the simulated server.
func (h *harness) sweep(ctx context.Context) bool {
	if h.sim == nil {
		return false
	}
	touched := h.sim.Sweep()
	for _, obj := range touched {
		h.wrote(ctx, obj)
	}
	return len(touched) > 0
}

// beginPass counts passes, and serves one from an older revision if that is the fault. The revision
// is not older than the controller's own last write, because its client has no cache. The request
// is repeated after that, as the missed events would wake the controller.
func (h *harness) beginPass(r request) {
	if h.sim == nil {
		return
	}
	c := h.inner[r.controller].(*sim.Client)
	c.ReadAt(nil)
	if past, ok := h.inj.pass(h.sim.Revision(), h.own[r.controller]); ok {
		c.ReadAt(func() int64 { return past })
		h.wake(r)
	}
}

// nextTimer sets the clock to the next timer, and wakes its request.
func (h *harness) nextTimer() {
	var first request
	for r, at := range h.timers {
		if first == (request{}) || at.Before(h.timers[first]) || at.Equal(h.timers[first]) && fmt.Sprint(r) < fmt.Sprint(first) {
			first = r
		}
	}
	if at := h.timers[first]; at.After(h.clock.Now()) {
		h.clock.SetTime(at)
	}
	delete(h.timers, first)
	h.wake(first)
}

// awaitNamespace waits until the real API server has removed a namespace that is being deleted, so
// that the calls after it do not depend on how long that takes. It returns NotFound then.
func (h *harness) awaitNamespace(ctx context.Context, ns *corev1.Namespace) error {
	ctx, cancel := context.WithTimeout(ctx, namespaceTimeout)
	defer cancel()
	changes, err := h.user.Watch(ctx, &corev1.NamespaceList{}, client.MatchingFields{"metadata.name": ns.Name},
		&client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: ns.ResourceVersion}})
	if err != nil {
		h.breaks(err)
		return err
	}
	defer changes.Stop()
	for range changes.ResultChan() {
		if err := h.user.Get(ctx, client.ObjectKeyFromObject(ns), &corev1.Namespace{}); apierrors.IsNotFound(err) {
			return err
		}
	}
	err = fmt.Errorf("namespace %s was not removed", ns.Name)
	h.breaks(err)
	return err
}
