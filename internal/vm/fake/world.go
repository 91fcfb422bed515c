// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sync"
	"time"

	"rancherdesktop.io/rdd/internal/vm"
)

// Steps says how many steps each kind of background work takes.
type Steps struct{ Create, Boot, Stop, Delete int }

// usualSteps are enough to observe each kind of work half-way.
func usualSteps() Steps { return Steps{Create: 3, Boot: 3, Stop: 2, Delete: 2} }

// World is the host that engines work on. Its methods may be called from any goroutine.
type World struct {
	mu        sync.Mutex
	now       func() time.Time
	instances map[string]*instance
	starts    int
	steps     Steps
	watchers  map[*watcher]struct{}
	plan      plan
	calls     []Call
	forwards  map[string][]vm.Forward
	held      map[string]bool   // instances whose background work does not advance
	missing   map[string]string // by instance, a file that its next start needs
	lost      map[string]*instance
	aside     []string
	guest     Guest
}

// instance is a directory and the processes that serve it.
type instance struct {
	spec     vm.Spec
	complete bool
	work     *work // inside the daemon: creating or deleting
	machine  *machine
	failure  *vm.Failure
	damaged  bool   // whose it is cannot be read
	former   string // UID of the owner under whose name it was renamed last
}

// work is what the daemon does in the background.
type work struct {
	operation vm.Operation
	step, of  int
	since     time.Time
}

// machine is a hostagent and its guest.
type machine struct {
	phase    vm.Phase // Starting, Running or Stopping
	step, of int
	since    time.Time
	startID  string
	bootID   string
	revision string
	message  string
	port     int
	pause    *vm.Pause // of the guest
	// orphaned: the hostagent was killed, so nothing advances until another one adopts the machine.
	orphaned bool
}

// NewWorld makes an empty host whose clock is now.
func NewWorld(now func() time.Time) *World {
	return &World{
		now: now, instances: map[string]*instance{}, watchers: map[*watcher]struct{}{}, plan: newPlan(), steps: usualSteps(),
		forwards: map[string][]vm.Forward{}, held: map[string]bool{}, missing: map[string]string{}, lost: map[string]*instance{},
		guest: idleGuest,
	}
}

// SetSteps changes how many steps background work takes that begins from now on.
func (w *World) SetSteps(steps Steps) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.steps = steps
}

// Open returns an engine on the world, as a daemon that starts does. Creations and deletions of an
// engine that was opened before are dropped where they are.
func (w *World) Open() *Engine {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, i := range w.instances {
		if i.work != nil {
			i.work = nil
			w.changed(name)
		}
	}
	return &Engine{world: w}
}

// New returns an engine on a world of its own that uses the host's clock.
func New() *Engine { return NewWorld(time.Now).Open() }

// AddForeign adds an instance directory that rdd did not make.
func (w *World) AddForeign(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.instances[name] = &instance{}
	w.changed(name)
}

// KillGuest ends a machine from outside, as a crash of QEMU or a poweroff in the guest does.
func (w *World) KillGuest(name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := w.instances[name]
	if i == nil || i.machine == nil {
		return fmt.Errorf("killing the guest of %q: %w", name, vm.ErrNotRunning)
	}
	operation := vm.OperationRun
	if i.machine.bootID == "" {
		operation = vm.OperationStart
	}
	i.machine = nil
	w.fail(i, operation, errGuestDied)
	w.changed(name)
	return nil
}

// KillHostagent ends the process that serves a machine, as a crash does. The guest goes on.
func (w *World) KillHostagent(name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := w.instances[name]
	if i == nil || i.machine == nil {
		return fmt.Errorf("killing the hostagent of %q: %w", name, vm.ErrNotRunning)
	}
	i.machine.orphaned = true
	w.changed(name)
	return nil
}

// Orphaned reports whether an instance's machine runs and has had no hostagent since KillHostagent.
func (w *World) Orphaned(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := w.instances[name]
	return i != nil && i.machine != nil && i.machine.orphaned
}

// SetForwards makes an instance report forwards whenever it runs.
func (w *World) SetForwards(name string, forwards ...vm.Forward) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forwards[name] = slices.Clone(forwards)
	w.changed(name)
}

// SetGuest makes guest run the commands in all guests. Without, each succeeds and prints nothing.
func (w *World) SetGuest(guest Guest) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.guest = guest
}

// Hold keeps the background work on an instance, whatever it is, from advancing until Release.
func (w *World) Hold(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held[name] = true
}

// Release lets the background work on an instance go on.
func (w *World) Release(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.held, name)
}

// Names lists the world's instance directories, sorted.
func (w *World) Names() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(maps.Keys(w.instances))
}

// Template returns the template and params of the spec that was last applied to an instance.
func (w *World) Template(name string) ([]byte, map[string]string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := w.instances[name]
	if i == nil {
		return nil, nil
	}
	return slices.Clone(i.spec.Template), maps.Clone(i.spec.Params)
}

// Advance moves every background work on by one step and reports whether there was any.
func (w *World) Advance() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	moved := false
	for _, name := range slices.Sorted(maps.Keys(w.instances)) {
		if !w.held[name] && w.advance(name, w.instances[name]) {
			moved = true
			w.changed(name)
		}
	}
	return moved
}

// Run advances the world at each interval until ctx ends. It is for tests that wait instead of
// calling Advance.
func (w *World) Run(ctx context.Context, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			w.Advance()
		}
	}
}

// messagePattern finds a template's message on a line of its own, which is all of YAML that the
// fake reads.
var messagePattern = regexp.MustCompile(`(?m)^message: *["']?(.*?)["']?$`)

// state reads an instance as an engine reports it.
func (w *World) state(name string, i *instance) vm.State {
	s := vm.State{Name: name, Owner: i.spec.Owner, Incarnation: i.spec.Incarnation, Phase: i.phase(), Failure: i.failure}
	if i.complete {
		s.Revision = i.spec.Revision
	}
	if m := i.machine; m != nil {
		s.RunningRevision, s.StartID, s.BootID = m.revision, m.startID, m.bootID
		s.SSHPort, s.Accelerator, s.Pause = m.port, "tcg", m.pause
		s.WasRunning = m.bootID != ""
		if m.phase == vm.PhaseRunning {
			s.Message, s.Forwards = m.message, slices.Clone(w.forwards[name])
		}
		s.Progress = vm.Progress{Step: m.doing(), Percent: -1, Since: m.since}
	}
	if i.work != nil {
		s.Progress = i.work.progress()
	}
	if f := w.lostFile(name); f != nil && i.complete && s.Phase != vm.PhaseDeleting {
		s.Failure = f
	}
	if i.damaged {
		s.Owner, s.Incarnation, s.Damaged = vm.Owner{}, "", true
	}
	switch {
	case s.Phase != vm.PhaseBroken:
	case i.damaged:
		s.Failure = &vm.Failure{Fault: damage(name).Fault()}
		s.Failure.Fault.Text = damage(name).Error()
	default:
		s.Failure = &vm.Failure{Fault: &vm.Fault{Kind: vm.FaultBroken, Text: "the directory was not made by rdd"}}
	}
	return s
}

// message returns the message of the instance's template.
func (i *instance) message() string {
	if found := messagePattern.FindSubmatch(i.spec.Template); found != nil {
		return string(found[1])
	}
	return ""
}

// doing is the step that the hostagent reports.
func (m *machine) doing() string {
	switch m.phase {
	case vm.PhaseStarting:
		return "booting"
	case vm.PhaseStopping:
		return "shutting down"
	default:
		return ""
	}
}

// phase is where the instance is in its life.
func (i *instance) phase() vm.Phase {
	switch {
	case i.spec.Owner.UID == "":
		return vm.PhaseBroken
	case i.work != nil && i.work.operation == vm.OperationDelete:
		return vm.PhaseDeleting
	case i.damaged:
		return vm.PhaseBroken
	case i.work != nil:
		return vm.PhaseCreating
	case !i.complete:
		return vm.PhaseIncomplete
	case i.machine != nil:
		return i.machine.phase
	default:
		return vm.PhaseStopped
	}
}

// progress of what the daemon does.
func (k *work) progress() vm.Progress {
	if k.operation == vm.OperationDelete {
		return vm.Progress{Step: "deleting", Percent: -1, Since: k.since}
	}
	return vm.Progress{
		Step: "building image", Index: min(k.step+1, k.of), Total: k.of,
		Percent: 100 * k.step / k.of, Since: k.since,
	}
}

// Peek returns an instance's state without a recorded call of an engine; false: there is none.
func (w *World) Peek(name string) (vm.State, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stateOf(name), w.instances[name] != nil
}
