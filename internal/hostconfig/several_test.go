// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestSeveralInstances: the last instance that is deleted leaves the host as it was before the
// first.
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
		if state := w.setting(h, Context).State; state != Applied {
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

// TestConfigDirMoves: with another DOCKER_CONFIG the daemon undoes what it did where the first one
// was.
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
