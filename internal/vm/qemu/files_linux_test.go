// SPDX-License-Identifier: Apache-2.0

package qemu_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
	"rancherdesktop.io/rdd/internal/vm/qemu"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
	"rancherdesktop.io/rdd/test/filecalls"
)

// lifeCommand makes this test's program live through the life of an instance for each line that it
// reads, below a layer of file calls: see serveLives.
const lifeCommand = "lives"

// order is a line for serveLives: the directory to work in, and whether a machine is started.
type order struct {
	Dir   string
	Image image.Image
	Start bool
}

// lifeReport is the answer: what went wrong in the end, and what did on the way.
type lifeReport struct {
	Problem  string
	Failures []*vm.Fault
}

// serveLives answers each order with a lifeReport.
func serveLives(orders io.Reader, answers io.Writer) error {
	for lines := bufio.NewScanner(orders); lines.Scan(); {
		var o order
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return err
		}
		l, answer := newLife(o.Dir, o.Image), lifeReport{}
		if err := l.run(context.Background(), o.Start); err != nil {
			answer.Problem = err.Error()
		}
		for _, err := range l.failures {
			answer.Failures = append(answer.Failures, vm.FaultOf(err))
		}
		if err := json.NewEncoder(answers).Encode(answer); err != nil {
			return err
		}
	}
	return nil
}

// life of the instance x in a directory.
type life struct {
	dir    string
	engine *qemu.Engine
	// failures of single calls and of work in the background.
	failures []error
}

func newLife(dir string, img image.Image) *life {
	executable, err := os.Executable()
	if err != nil {
		panic(err) // it is running
	}
	home := filepath.Join(dir, "lima")
	return &life{dir: dir, engine: qemu.New(qemu.Config{
		LimaHome: home, CacheDir: filepath.Join(dir, "cache"), Images: &fakeImages{img: img}, Executable: executable, Accelerator: "tcg",
		Version: "test", User: vmdir.User{Name: "tester", UID: 1234, Home: home}, Log: slog.New(slog.DiscardHandler),
	})}
}

func (l *life) vmdir() vmdir.Dir { return vmdir.In(filepath.Join(l.dir, "lima"), "x") }

// note tells the layer what has been reached.
func (l *life) note(text string) error {
	return os.WriteFile(filepath.Join(l.dir, filecalls.NoteFile), []byte(text), 0o600)
}

// attempts at each step. A fault strikes once, so the second must succeed; one more is for what the
// first left half done.
const attempts = 3

// reach repeats a call, as the controller does, until the instance is as it should be.
func (l *life) reach(ctx context.Context, what string, call func() error, ok func(vm.State, error) bool) error {
	last := "not observed"
	for range attempts {
		if err := call(); err != nil {
			l.failures = append(l.failures, err)
			continue
		}
		state, err := l.settled(ctx, what)
		if ok(state, err) {
			return l.note(what)
		}
		last = fmt.Sprintf("%s, %v", state.Phase, err)
		if state.Failure != nil {
			l.failures = append(l.failures, state.Failure.Fault)
		}
	}
	return fmt.Errorf("%s: not reached, last it was %s: %v", what, last, errors.Join(l.failures...))
}

// settled waits until the engine does nothing for the instance. A machine that was told to stop may
// count as running for a moment: its hostagent could not write, and does so again within a second.
func (l *life) settled(ctx context.Context, what string) (vm.State, error) {
	ctx, cancel := context.WithTimeout(ctx, waitTimeout)
	defer cancel()
	wake := make(chan struct{}, 1)
	wake <- struct{}{}
	err := l.engine.Watch(ctx, func(string) {
		select {
		case wake <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return vm.State{}, err
	}
	for {
		select {
		case <-wake:
		case <-ctx.Done():
			return vm.State{}, fmt.Errorf("%s: it does not end", what)
		}
		state, err := l.engine.Observe(ctx, "x")
		busy := []vm.Phase{vm.PhaseCreating, vm.PhaseDeleting, vm.PhaseStarting, vm.PhaseStopping}
		if what == "stopped" {
			busy = append(busy, vm.PhaseRunning)
		}
		if err != nil || state.Failure != nil || !slices.Contains(busy, state.Phase) {
			return state, err
		}
	}
}

const changedTemplate = guestTemplate + "message: changed\n"

// run creates the instance, changes it, starts and stops it if asked to, and deletes it. What must
// never be lost is compared after each step.
func (l *life) run(ctx context.Context, start bool) error {
	if err := l.reach(ctx, "created", func() error { return l.engine.Apply(ctx, spec(guestTemplate)) }, in(vm.PhaseStopped)); err != nil {
		return err
	}
	before, err := l.kept()
	if err != nil {
		return err
	}
	if err := l.note("kept " + before); err != nil {
		return err
	}
	changed := func(s vm.State, err error) bool {
		return in(vm.PhaseStopped)(s, err) && s.Revision == spec(changedTemplate).Revision
	}
	if err := l.reach(ctx, "changed", func() error { return l.engine.Apply(ctx, spec(changedTemplate)) }, changed); err != nil {
		return err
	}
	if start {
		if err := l.startAndStop(ctx); err != nil {
			return err
		}
	}
	if after, err := l.kept(); err != nil || after != before {
		return fmt.Errorf("the machine was %s and is %s: %w", before, after, err)
	}
	if err := l.note("deleting"); err != nil {
		return err
	}
	return l.reach(ctx, "deleted", func() error { return l.engine.Delete(ctx, owner, "x") }, deleted)
}

func (l *life) startAndStop(ctx context.Context) error {
	err := l.reach(ctx, "running", func() error { return l.engine.Start(ctx, owner, "x") }, in(vm.PhaseRunning))
	if err != nil {
		return err
	}
	return l.reach(ctx, "stopped", func() error { return l.engine.Stop(ctx, owner, "x", vm.StopShutdown) }, in(vm.PhaseStopped))
}

// kept is what stays the same as long as an instance is not deleted: its identity and its disk.
func (l *life) kept() (string, error) {
	record, err := l.vmdir().ReadRecord()
	if err != nil {
		return "", err
	}
	disk, err := os.ReadFile(l.vmdir().Disk())
	return record.Machine.UUID + " " + vmdir.Hash(disk), err
}

// lives is a process of serveLives below a layer.
type lives struct {
	layer *filecalls.Layer
	root  string
	image image.Image
	count int
	ask   func(order) (lifeReport, error)
}

// newLives starts the process; the test is skipped where layers are not possible.
func newLives(t *testing.T, do func(*lives)) {
	t.Helper()
	h := newFakeHost(t)
	l := &lives{root: filepath.Dir(h.home), image: h.images.img}
	var err error
	if l.layer, err = filecalls.New(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	filecalls.Skip(t, l.layer.Run(func() {
		if err := l.serve(do); err != nil {
			t.Error(err)
		}
	}))
}

func (l *lives) serve(do func(*lives)) error {
	cmd := exec.Command(os.Args[0], lifeCommand)
	cmd.Stderr = os.Stderr
	orders, inErr := cmd.StdinPipe()
	answers, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		return err
	}
	encoder, decoder := json.NewEncoder(orders), json.NewDecoder(answers)
	l.ask = func(o order) (r lifeReport, err error) {
		if err := encoder.Encode(o); err != nil {
			return r, err
		}
		return r, decoder.Decode(&r)
	}
	do(l)
	return errors.Join(orders.Close(), cmd.Wait())
}

// live has the process live through one life, with a fault in one of its calls.
func (l *lives) live(t *testing.T, start bool, fail func(n int, c filecalls.Call) filecalls.Fault) lifeReport {
	t.Helper()
	l.count++
	dir := filepath.Join(l.root, fmt.Sprint(l.count))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := l.layer.Restart(dir); err != nil {
		t.Fatal(err)
	}
	l.layer.Fail(fail)
	answer, err := l.ask(order{Dir: dir, Image: l.image, Start: start})
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// TestInstanceFaults lets each file call in the life of an instance fail, in each way. What has
// failed is done again, the instance ends as it should, and its disk and its identity stay. A full
// disk is called one.
func TestInstanceFaults(t *testing.T) {
	newLives(t, func(l *lives) { l.faults(t, false, 1) })
}

// faults lets every so many-th call fail.
func (l *lives) faults(t *testing.T, start bool, every int) {
	t.Helper()
	if answer := l.live(t, start, nil); answer.Problem != "" || len(answer.Failures) > 0 {
		t.Fatalf("without a fault: %+v", answer)
	}
	calls := l.layer.Calls(l.layer.Len())
	struck := 0
	for k := 0; k < len(calls); k += every {
		for _, name := range filecalls.Turns(k / every) {
			fault := filecalls.Faults()[name]
			if fault == filecalls.Nothing && calls[k].Op == filecalls.Write && filepath.Base(calls[k].Path) == "disk" {
				continue // nothing below qemu-img shows that
			}
			answer := l.live(t, start, func(n int, _ filecalls.Call) filecalls.Fault {
				if n == k+1 {
					struck++
					return fault
				}
				return filecalls.Fine
			})
			if answer.Problem != "" {
				t.Errorf("call %d of %d, %s, %s: %s", k+1, len(calls), calls[k], name, answer.Problem)
			}
			for _, f := range answer.Failures {
				if full := fault == filecalls.NoSpace || fault == filecalls.Quota; full && f.Kind != vm.FaultDiskFull {
					t.Errorf("call %d of %d, %s, %s: the failure is %s: %s", k+1, len(calls), calls[k], name, f.Kind, f.Text)
				}
			}
		}
	}
	t.Logf("%d calls, %d faults", len(calls), struck)
}

// TestRunningInstanceFaults is TestInstanceFaults with a machine that is started and stopped; its
// hostagent's calls are among them.
func TestRunningInstanceFaults(t *testing.T) {
	every := 25
	if filecalls.Everything() {
		every = 1
	}
	newLives(t, func(l *lives) { l.faults(t, true, every) })
}

// TestInstancePowerCuts plays a power cut after each call in the life of an instance, with a
// machine that is started in the long run. What was acknowledged is there, a directory is whole or
// there is none, and the engine goes on with what it finds.
func TestInstancePowerCuts(t *testing.T) {
	newLives(t, func(l *lives) {
		cuts, err := l.cuts(t, filecalls.Everything(), nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d calls: %d power cuts, %d different states", len(l.layer.Calls(l.layer.Len())), cuts.All, cuts.Different)
	})
}

func (l *lives) cuts(t *testing.T, start bool, fail func(n int, c filecalls.Call) filecalls.Fault) (filecalls.Cuts, error) {
	t.Helper()
	if answer := l.live(t, start, fail); answer.Problem != "" {
		t.Fatal(answer.Problem)
	}
	return l.layer.EachCut(func(s filecalls.State) error { return newLife(s.Dir, l.image).goOn(context.Background(), s) })
}

// TestPlantedBugs leaves out syncs: the power cuts must show each.
func TestPlantedBugs(t *testing.T) {
	newLives(t, func(l *lives) {
		for name, of := range map[string]func(path string) bool{
			"the directory of the instances is not synced": func(path string) bool { return filepath.Base(path) == "lima" },
			"the instance's directory is not synced":       func(path string) bool { return filepath.Base(path) == "x" },
			"the disk is not synced":                       func(path string) bool { return filepath.Base(path) == "disk" },
			"records are not synced":                       func(path string) bool { return strings.Contains(path, "rdd.json") },
			"templates are not synced":                     func(path string) bool { return strings.Contains(path, "lima.yaml") },
		} {
			cuts, err := l.cuts(t, false, func(_ int, c filecalls.Call) filecalls.Fault {
				if c.Op == filecalls.Sync && of(c.Path) {
					return filecalls.Nothing
				}
				return filecalls.Fine
			})
			if err == nil {
				t.Errorf("%s: not found in %d power cuts", name, cuts.All)
				continue
			}
			t.Logf("%s: found after %d power cuts: %.300s", name, cuts.All, err)
		}
	})
}

// goOn looks at an instance after a power cut, and lives on.
func (l *life) goOn(ctx context.Context, s filecalls.State) error {
	state, err := l.engine.Observe(ctx, "x")
	there := !errors.Is(err, vm.ErrNotFound)
	switch {
	case there && err != nil:
		return err
	case there && s.Noted("deleted"), !there && s.Noted("created") && !s.Noted("deleting"):
		return fmt.Errorf("after %q there is %+v: %w", s.Notes, state, err)
	case s.Noted("changed") && there && state.Revision != spec(changedTemplate).Revision:
		return fmt.Errorf("after %q it has the spec %s", s.Notes, state.Revision)
	}
	for _, note := range s.Notes {
		before, found := strings.CutPrefix(note, "kept ")
		if now, err := l.kept(); found && there && (err != nil || before != now) {
			return fmt.Errorf("the machine was %s and is %s: %w", before, now, err)
		}
	}
	return l.run(ctx, false)
}
