// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"os"
	"path/filepath"
	"testing"
)

// lose removes all of rdd's own, as a user does by hand.
func (w *world) lose() {
	w.Helper()
	for _, name := range []string{"data", "cache", ".rd2"} {
		w.must(os.RemoveAll(w.path(name)))
	}
}

// lostHost is the host of an instance whose directories were removed.
func (w *world) lostHost() *Host {
	w.Helper()
	h := w.host("2")
	w.lose()
	return h
}

// TestUndoOfALostInstance: what is on the host is enough to find it, show it and undo it.
func TestUndoOfALostInstance(t *testing.T) {
	for name, home := range homes {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			home(t, w)
			w.lose()
			before := w.snapshot()
			h := w.host("2")
			w.apply(h, w.ready(1))
			w.must(h.TurnOn(t.Context(), w.ready(1), Socket))
			previous := w.setting(h, Current).Before
			h = w.lostHost()
			w.wantState(h, Applied, Applied, Applied)
			if got := w.setting(h, Current).Before; got != previous && previous != defaultContext {
				t.Errorf("before, it was %q, and not %q", previous, got)
			}
			if found, err := h.Undo(t.Context(), Names()...); err != nil || !found {
				t.Errorf("found something: %v, %v", found, err)
			}
			wantLost(w, name, before)
			if found, err := h.Undo(t.Context(), Names()...); err != nil || found {
				t.Errorf("found something again: %v, %v", found, err)
			}
			for _, dir := range []string{"data", "cache"} {
				if _, err := os.Lstat(w.path(dir)); err == nil {
					t.Errorf("%s was made", dir)
				}
			}
		})
	}
}

// wantLost wants what was before, but for two differences. An empty directory of docker's may have
// been made by rdd. Which context existed once is not known.
func wantLost(w *world, name string, before map[string]string) {
	w.Helper()
	if name == "an empty dir" {
		delete(before, ".docker")
	}
	if name == "a lost context" {
		delete(before, ".docker/config.json.before-rdd")
		if got := w.read(".docker/config.json"); got != "{}" {
			w.Errorf("the configuration is %s", got)
		}
		return
	}
	w.same("undone", before)
}

// TestUndoOneAfterAnother undoes single settings of a lost instance.
func TestUndoOneAfterAnother(t *testing.T) {
	w := newWorld(t)
	w.lose()
	before := w.snapshot()
	w.apply(w.host("2"), w.ready(1))
	h := w.lostHost()
	for i, states := range [][]State{{Applied, NotApplied, Off}, {NotApplied, NotApplied, Off}} {
		if _, err := h.Undo(t.Context(), []string{Current, Context}[i]); err != nil {
			t.Error(err)
		}
		w.wantState(h, states...)
	}
	w.same("undone", before)
}

// TestUndoLeavesOthers: neither a context of somebody else's nor one that was chosen since is
// changed, nor another instance's.
func TestUndoLeavesOthers(t *testing.T) {
	w := newWorld(t)
	w.lose()
	w.context("rancher-desktop-2", "unix:///theirs.sock")
	w.write(".docker/config.json", `{"currentContext":"rancher-desktop-2"}`, 0o600)
	before := w.snapshot()
	h := w.lostHost()
	if found, err := h.Undo(t.Context(), Names()...); err != nil || found {
		t.Errorf("found something: %v, %v", found, err)
	}
	w.same("a foreign context", before)

	w = newWorld(t)
	w.apply(w.host("2"), w.ready(1))
	other := w.host("3")
	w.apply(other, w.ready(1))
	w.must(os.RemoveAll(w.path("data/rancher-desktop-2")))
	h = w.host("2")
	w.must(os.RemoveAll(filepath.Dir(h.Record)))
	if found, err := h.Undo(t.Context(), Names()...); err != nil || !found {
		t.Errorf("found something: %v, %v", found, err)
	}
	w.wantState(h, NotApplied, NotApplied, Off)
	w.wantState(other, Applied, Applied, Off)
}

// TestLostAndMadeAgain: an instance that is made anew finds what the lost one has left.
func TestLostAndMadeAgain(t *testing.T) {
	for name, home := range homes {
		w := newWorld(t)
		home(t, w)
		w.lose()
		before := w.snapshot()
		w.apply(w.host("2"), w.ready(1))
		w.lose()
		h := w.host("2")
		h.Socket = filepath.Join(w.dir, "elsewhere.sock")
		w.apply(h, w.ready(2))
		w.apply(h, Want{})
		for _, file := range []string{"config.json", "config.json.before-rdd"} {
			path := ".docker/" + file
			if got := w.snapshot()[path]; got != before[path] && name != "a lost context" {
				t.Errorf("%s: %s is %q, was %q", name, path, got, before[path])
			}
		}
	}
}
