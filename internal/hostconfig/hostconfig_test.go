// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestComesBack applies and undoes everything in each home: meanwhile it is applied, afterwards
// every byte is as it was.
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
			asked := w.setting(h, Socket).State
			w.wantState(h, Applied, NotApplied, asked)
			w.apply(h, w.ready(1))
			w.wantState(h, Applied, Applied, asked)
			if w.selected() != h.Name {
				t.Errorf("the current context is %s", w.selected())
			}
			w.must(h.TurnOn(t.Context(), w.ready(1), Socket))
			w.wantState(h, Applied, Applied, Applied)
			applied := w.snapshot()
			w.apply(h, w.ready(1))
			w.apply(h, w.ready(2))
			w.same("applied again", applied)
			if asked == Off {
				w.must(h.TurnOff(t.Context(), Socket))
			}
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

func (c *countingFiles) Replace(path string, data []byte) error {
	c.changes++
	return c.diskFiles.Replace(path, data)
}

func (c *countingFiles) Overwrite(path string, data []byte) error {
	c.changes++
	return c.diskFiles.Overwrite(path, data)
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
		current := w.setting(h, Current)
		if current.State != NotApplied || current.Why == "" || current.Remedy != "docker context use rancher-desktop-2" ||
			w.selected() != before {
			t.Errorf("%s: %+v, current context %s", name, current, w.selected())
		}
		if want := !strings.HasPrefix(name, "DOCKER"); current.OtherEngine != want {
			t.Errorf("%s: elsewhere is %v", name, current.OtherEngine)
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

// TestDaemonOfRun: a daemon that was started by what rdd run ran has our own socket in its
// environment.
func TestDaemonOfRun(t *testing.T) {
	w := newWorld(t)
	w.env.Host = w.host("2").socketURL()
	h := w.host("2")
	w.apply(h, w.ready(1))
	w.wantState(h, Applied, Applied, Off)
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
