// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestComesBack applies and undoes everything in each home: meanwhile it is applied, afterwards every byte is as it was.
func TestComesBack(t *testing.T) {
	for name, home := range homes {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			home(t, w)
			before := w.snapshot()
			h := w.host("2")
			w.apply(h, Want{})
			w.same("with nothing wanted", before)
			w.apply(h, Want{Docker: true})
			w.wantState(h, Applied, NotApplied, Off)
			w.apply(h, w.ready(1))
			w.wantState(h, Applied, Applied, Off)
			if w.selected() != h.Name {
				t.Errorf("the current context is %s", w.selected())
			}
			w.must(h.TurnOn(t.Context(), w.ready(1), Socket))
			w.wantState(h, Applied, Applied, Applied)
			applied := w.snapshot()
			w.apply(h, w.ready(1))
			w.apply(h, w.ready(2))
			applied["data/rancher-desktop-2/integration.json"] = w.snapshot()["data/rancher-desktop-2/integration.json"]
			w.same("applied again", applied)
			w.must(h.TurnOff(t.Context(), Socket))
			w.apply(h, Want{})
			w.same("undone", before)
		})
	}
}

// TestOneValueChanges: of a configuration all other bytes stay, and its mode.
func TestOneValueChanges(t *testing.T) {
	for _, mode := range []os.FileMode{0o600, 0o644} {
		w := newWorld(t)
		w.write(".docker/config.json", oddConfig, mode)
		w.apply(w.host("2"), w.ready(1))
		want := strings.Replace(oddConfig, "1.0e1\r\n", "1.0e1,\r\n  \"currentContext\": \"rancher-desktop-2\"\r\n", 1)
		if got := w.read(".docker/config.json"); got != want {
			t.Errorf("it became\n%s", got)
		}
		if info, err := os.Stat(w.path(".docker/config.json")); err != nil || info.Mode() != mode {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		backup, err := os.Stat(w.path(".docker/config.json.before-rdd"))
		if err != nil || backup.Mode() != 0o600 || w.read(".docker/config.json.before-rdd") != oddConfig {
			t.Errorf("the backup: %v, %v", backup, err)
		}
	}
}

// countingFiles counts changes.
type countingFiles struct {
	diskFiles
	changes int
}

func (c *countingFiles) Write(path string, data []byte, mode os.FileMode) error {
	c.changes++
	return c.diskFiles.Write(path, data, mode)
}

func TestNothingIsWrittenTwice(t *testing.T) {
	w := newWorld(t)
	w.context("dead", "unix:///dead.sock")
	w.write(".docker/config.json", `{"currentContext":"dead"}`, 0o600)
	h := w.host("2")
	counter := &countingFiles{}
	h.files = counter
	w.apply(h, w.ready(1))
	counter.changes = 0
	for range 3 {
		w.apply(h, w.ready(1))
	}
	if counter.changes != 0 {
		t.Errorf("%d writes although nothing changed", counter.changes)
	}
}

func TestCurrentContextThatWorksStays(t *testing.T) {
	for name, prepare := range map[string]func(w *world){
		"default": func(w *world) { w.working["unix://"+filepath.Join(w.dir, "run", "docker.sock")] = true },
		"another": func(w *world) {
			w.context("colima", "unix:///c.sock")
			w.write(".docker/config.json", `{"currentContext":"colima"}`, 0o600)
			w.working["unix:///c.sock"] = true
		},
		"DOCKER_HOST":    func(w *world) { w.env.Host = "tcp://x" },
		"DOCKER_CONTEXT": func(w *world) { w.env.Context = "x" },
	} {
		w := newWorld(t)
		prepare(w)
		before := w.selected()
		h := w.host("2")
		w.apply(h, w.ready(1))
		current := w.thing(h, Current)
		if current.State != NotApplied || current.Why == "" || current.WayOut != "docker context use rancher-desktop-2" || w.selected() != before {
			t.Errorf("%s: %+v, current context %s", name, current, w.selected())
		}
		if want := !strings.HasPrefix(name, "DOCKER"); current.Elsewhere != want {
			t.Errorf("%s: elsewhere is %v", name, current.Elsewhere)
		}
		w.env.Host, w.env.Context = "", ""
		clear(w.working)
		h = w.host("2")
		w.apply(h, w.ready(1))
		if w.selected() != before {
			t.Errorf("%s: it was judged twice", name)
		}
		w.apply(h, w.ready(2))
		if w.selected() != h.Name {
			t.Errorf("%s: when the engine became ready again, nothing worked, and the current context is %s", name, w.selected())
		}
	}
}

func TestUsersChoiceStays(t *testing.T) {
	w := newWorld(t)
	w.write(".docker/config.json", `{"a":1}`, 0o600)
	h := w.host("2")
	w.apply(h, w.ready(1))
	w.context("mine", "unix:///m.sock")
	w.write(".docker/config.json", `{"currentContext":"mine","a":1}`, 0o600)
	w.apply(h, w.ready(1))
	w.wantState(h, Applied, Drifted, Off)
	w.apply(h, Want{})
	if got := w.read(".docker/config.json"); got != `{"currentContext":"mine","a":1}` {
		t.Errorf("it became %s", got)
	}
	// Chosen by hand, ours goes with its context.
	w.apply(h, Want{Docker: true})
	w.write(".docker/config.json", `{"currentContext":"rancher-desktop-2","a":1}`, 0o600)
	w.apply(h, Want{})
	if got := w.read(".docker/config.json"); got != `{"a":1}` {
		t.Errorf("it became %s", got)
	}
}

func TestForeignContext(t *testing.T) {
	w := newWorld(t)
	file := w.context("rancher-desktop-2", "unix:///theirs.sock")
	w.write(".docker/config.json", `{"currentContext":"rancher-desktop-2"}`, 0o600)
	before := w.snapshot()
	h := w.host("2")
	report, err := h.Apply(t.Context(), w.ready(1))
	w.must(err)
	if len(report.Problems) != 1 || len(report.Fresh) != 1 || !strings.Contains(report.Problems[0].WayOut, "docker context rm rancher-desktop-2") {
		t.Errorf("problems: %v", report.Problems)
	}
	w.wantState(h, Foreign, NotApplied, Off)
	report, err = h.Apply(t.Context(), w.ready(1))
	w.must(err)
	if len(report.Problems) != 1 || len(report.Fresh) != 0 {
		t.Errorf("told again: %v", report.Fresh)
	}
	w.apply(h, Want{})
	w.same("undone", before)
	w.must(os.RemoveAll(filepath.Dir(file)))
	w.apply(h, w.ready(1))
	w.wantState(h, Applied, Applied, Off)
}

func TestEditedContext(t *testing.T) {
	w := newWorld(t)
	h := w.host("2")
	w.apply(h, Want{Docker: true})
	file := contextFile(w.env.ConfigDir, h.Name)
	made := w.read(file)
	w.write(file, strings.Replace(made, contextDescription, "mine", 1), 0o644)
	w.wantState(h, Drifted, NotApplied, Off)
	w.apply(h, Want{Docker: true})
	if w.read(file) != made {
		t.Error("what still leads to our socket was not put right")
	}
	w.write(file, strings.Replace(made, "unix://", "tcp://", 1), 0o644)
	report, err := h.Apply(t.Context(), Want{Docker: true})
	w.must(err)
	if len(report.Problems) != 1 || w.read(file) == made {
		t.Errorf("what leads elsewhere was overwritten: %v", report)
	}
	w.apply(h, Want{})
	if w.read(file) == "" {
		t.Error("it was removed")
	}
}

// TestOlderContext: a context whose socket is another now is ours all the same.
func TestOlderContext(t *testing.T) {
	w := newWorld(t)
	before := w.snapshot()
	h := w.host("2")
	h.Socket = "/old.sock"
	w.apply(h, Want{Docker: true})
	h = w.host("2")
	w.wantState(h, Drifted, NotApplied, Off)
	w.apply(h, Want{Docker: true})
	w.wantState(h, Applied, NotApplied, Off)
	w.must(os.Remove(contextFile(w.env.ConfigDir, h.Name)))
	w.apply(h, Want{Docker: true})
	w.wantState(h, Applied, NotApplied, Off)
	w.apply(h, Want{})
	w.same("undone", before)
}

func TestLostRecord(t *testing.T) {
	w := newWorld(t)
	w.mkdir(".docker/contexts/meta")
	w.write(".docker/config.json", "{}", 0o600)
	before := w.snapshot()
	h := w.host("2")
	w.apply(h, w.ready(1))
	w.must(os.Remove(h.Record))
	w.apply(h, Want{})
	w.must(os.Remove(w.path(".docker/config.json.before-rdd"))) // nobody knows any more that it is ours
	w.same("undone", before)
	w.write(h.Record, "{", 0o600)
	if _, err := h.Apply(t.Context(), Want{}); err == nil || !strings.Contains(err.Error(), h.Record) {
		t.Errorf("a damaged record: %v", err)
	}
}

func TestDamagedConfigStays(t *testing.T) {
	for name, prepare := range map[string]func(w *world){
		"no JSON":      func(w *world) { w.write(".docker/config.json", "{\n  \"a\": 1,\n}", 0o600) },
		"no object":    func(w *world) { w.write(".docker/config.json", "[]", 0o600) },
		"garbage":      func(w *world) { w.write(".docker/config.json", "{} {}", 0o600) },
		"twice":        func(w *world) { w.write(".docker/config.json", `{"currentContext":"a","currentContext":"b"}`, 0o600) },
		"a directory":  func(w *world) { w.mkdir(".docker/config.json") },
		"a lost link":  func(w *world) { w.mkdir(".docker"); w.must(os.Symlink("none", w.path(".docker/config.json"))) },
		"a loop":       func(w *world) { w.mkdir(".docker"); w.must(os.Symlink("config.json", w.path(".docker/config.json"))) },
		"a null bytes": func(w *world) { w.write(".docker/config.json", "\x00\x00", 0o600) },
	} {
		w := newWorld(t)
		prepare(w)
		before := w.snapshot()
		h := w.host("2")
		report, err := h.Apply(t.Context(), w.ready(1))
		w.must(err)
		if len(report.Problems) != 1 || !strings.Contains(report.Problems[0].What, w.path(".docker/config.json")) {
			t.Errorf("%s: %v", name, report.Problems)
		}
		w.wantState(h, Applied, Damaged, Off)
		w.apply(h, Want{})
		w.same(name, before)
	}
}

// TestDamagedMeanwhile: what cannot be undone now is undone when it can be.
func TestDamagedMeanwhile(t *testing.T) {
	w := newWorld(t)
	w.write(".docker/config.json", `{"a":1}`, 0o600)
	before := w.snapshot()
	h := w.host("2")
	w.apply(h, w.ready(1))
	switched := w.read(".docker/config.json")
	w.write(".docker/config.json", "{", 0o600)
	report, err := h.Apply(t.Context(), Want{})
	w.must(err)
	if len(report.Problems) != 1 {
		t.Errorf("problems: %v", report.Problems)
	}
	w.wantState(h, NotApplied, Damaged, Off)
	w.write(".docker/config.json", switched, 0o600)
	w.apply(h, Want{})
	w.same("undone", before)
}

func TestSocketLink(t *testing.T) {
	w := newWorld(t)
	h := w.host("2")
	w.apply(h, Want{Docker: true})
	w.wantState(h, Applied, NotApplied, Off)
	w.write("run/docker.sock", "theirs", 0o600)
	if err := h.TurnOn(t.Context(), Want{Docker: true}, Socket); err == nil || !strings.Contains(err.Error(), "sudo rm") {
		t.Errorf("over a file: %v", err)
	}
	w.wantState(h, Applied, NotApplied, Off)
	w.must(h.TurnOff(t.Context(), Socket))
	if w.read("run/docker.sock") != "theirs" {
		t.Error("somebody's file was changed")
	}
	w.must(os.Remove(w.path("run/docker.sock")))
	w.must(h.TurnOn(t.Context(), Want{Docker: true}, Socket))
	w.must(os.Remove(w.path("run/docker.sock"))) // the host was booted
	w.wantState(h, Applied, NotApplied, NotApplied)
	w.apply(h, Want{Docker: true})
	w.wantState(h, Applied, NotApplied, Applied)
	w.apply(h, Want{})
	w.wantState(h, NotApplied, NotApplied, NotApplied)
	w.apply(h, Want{Docker: true})
	w.wantState(h, Applied, NotApplied, Applied)
	w.must(os.Remove(w.path("run/docker.sock")))
	w.must(os.Symlink("/elsewhere", w.path("run/docker.sock")))
	w.wantState(h, Applied, NotApplied, Foreign)
	w.must(h.TurnOff(t.Context(), Socket))
	if target, err := os.Readlink(w.path("run/docker.sock")); err != nil || target != "/elsewhere" {
		t.Errorf("somebody's link: %s, %v", target, err)
	}
}

func TestSocketThatMayNotBeMade(t *testing.T) {
	w := newWorld(t)
	h := w.host("2")
	h.files = forbidden{}
	err := h.TurnOn(t.Context(), Want{Docker: true}, Socket)
	if err == nil || !strings.Contains(err.Error(), "sudo ln -s "+h.Socket+" "+h.Link) {
		t.Errorf("got %v", err)
	}
	w.wantState(h, Applied, NotApplied, Off)
	w.must(os.Symlink(h.Socket, h.Link)) // as it was told
	w.must(h.TurnOn(t.Context(), Want{Docker: true}, Socket))
	w.wantState(h, Applied, NotApplied, Applied)
}

type forbidden struct{ diskFiles }

func (forbidden) Link(_, path string) error {
	return &os.PathError{Op: "symlink", Path: path, Err: os.ErrPermission}
}

func TestTurnedOffStaysOff(t *testing.T) {
	w := newWorld(t)
	w.write(".docker/config.json", oddConfig, 0o600)
	before := w.snapshot()
	h := w.host("2")
	w.apply(h, w.ready(1))
	w.must(h.TurnOff(t.Context(), Current))
	w.apply(h, w.ready(2))
	w.wantState(h, Applied, Off, Off)
	w.must(h.TurnOff(t.Context(), Names()...))
	w.apply(h, w.ready(3))
	w.wantState(h, Off, Off, Off)
	w.must(os.Remove(h.Record))
	w.same("turned off", before)
	w.must(h.TurnOff(t.Context(), Names()...))
	w.must(h.TurnOn(t.Context(), w.ready(3), Context, Current))
	w.wantState(h, Applied, Applied, Off)
	w.apply(h, Want{})
	w.same("undone", before)
}

// TestSeveralInstances: whoever goes last leaves the host as it was before the first.
func TestSeveralInstances(t *testing.T) {
	for _, order := range [][]string{{"2", "3"}, {"3", "2"}} {
		for name, home := range homes {
			t.Run(fmt.Sprint(name, order), func(t *testing.T) {
				w := newWorld(t)
				home(t, w)
				before := w.snapshot()
				w.apply(w.host("2"), w.ready(1))
				w.apply(w.host("3"), w.ready(1))
				if w.selected() != "rancher-desktop-3" {
					t.Errorf("the current context is %s", w.selected())
				}
				for _, name := range order {
					w.apply(w.host(name), Want{})
				}
				w.same("undone", before)
			})
		}
	}
}

// TestAtOnce lets instances change the host at once: none loses what another one did.
func TestAtOnce(t *testing.T) {
	w := newWorld(t)
	w.write(".docker/config.json", oddConfig, 0o600)
	before := w.snapshot()
	names := []string{"1", "2", "3", "4"}
	var hosts []*Host
	for _, name := range names {
		hosts = append(hosts, w.host(name), w.host(name))
	}
	together(hosts, func(h *Host) {
		if _, err := h.Apply(t.Context(), w.ready(1)); err != nil {
			t.Error(err)
		}
	})
	for _, h := range hosts {
		if state := w.thing(h, Context).State; state != Applied {
			t.Errorf("the context of %s is %s", h.Name, state)
		}
	}
	together(hosts, func(h *Host) {
		if _, err := h.Apply(t.Context(), Want{}); err != nil {
			t.Error(err)
		}
	})
	w.same("undone", before)
}

func together(hosts []*Host, do func(*Host)) {
	var all sync.WaitGroup
	for _, h := range hosts {
		all.Go(func() { do(h) })
	}
	all.Wait()
}

// TestConfigDirMoves: with another DOCKER_CONFIG the daemon undoes what it did where the first one was.
func TestConfigDirMoves(t *testing.T) {
	w := newWorld(t)
	before := w.snapshot()
	w.apply(w.host("2"), w.ready(1))
	w.env.ConfigDir = filepath.Join(w.dir, "other", "docker")
	h := w.host("2")
	w.apply(h, w.ready(1))
	w.wantState(h, Applied, Applied, Off)
	if _, err := os.Stat(w.path(".docker")); !os.IsNotExist(err) {
		t.Errorf("the first directory: %v", err)
	}
	// A command line with yet another one follows the daemon.
	w.env.ConfigDir = filepath.Join(w.dir, "third")
	h = w.host("2")
	h.Recorded = true
	w.wantState(h, Applied, Applied, Off)
	w.apply(h, Want{})
	w.same("undone", before)
	w.env.ConfigDir = "relative"
	report, err := w.host("2").Apply(t.Context(), w.ready(1))
	if err != nil || len(report.Problems) != 1 || !strings.Contains(report.Problems[0].What, "DOCKER_CONFIG") {
		t.Errorf("a relative directory: %v, %v", report, err)
	}
}

func TestNotWritable(t *testing.T) {
	w := newWorld(t)
	w.write(".docker", "a file", 0o600)
	h := w.host("2")
	report, err := h.Apply(t.Context(), w.ready(1))
	w.must(err)
	if len(report.Problems) == 0 {
		t.Error("a file in the place of the directory is no problem")
	}
	w.apply(h, Want{})
	if w.read(".docker") != "a file" {
		t.Error("it was changed")
	}
}
