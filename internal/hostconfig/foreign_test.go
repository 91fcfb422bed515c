// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestForeignContext(t *testing.T) {
	w := newWorld(t)
	file := w.context("rancher-desktop-2", "unix:///theirs.sock")
	w.write(".docker/config.json", `{"currentContext":"rancher-desktop-2"}`, 0o600)
	before := w.snapshot()
	h := w.host("2")
	report, err := h.Apply(t.Context(), w.ready(1))
	w.must(err)
	if len(report.Problems) != 1 || len(report.Fresh) != 1 ||
		!strings.Contains(report.Problems[0].Remedy, "docker context rm rancher-desktop-2") {
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
	users := w.read(file)
	for range 2 {
		if _, err := h.Apply(t.Context(), Want{Docker: true}); err != nil || w.read(file) != users {
			t.Fatalf("what leads elsewhere was taken for that of a lost instance: %v", err)
		}
	}
	w.apply(h, Want{})
	if w.read(file) == "" {
		t.Error("it was removed")
	}
}

// TestOlderContext: a context that we made with another socket path is ours.
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

// TestTurnOffOfADamagedConfig: nobody knows whether ours is current there, also where rdd has
// changed nothing, and also when its own directories are lost.
func TestTurnOffOfADamagedConfig(t *testing.T) {
	for name, off := range map[string]func(w *world) error{
		"all":          func(w *world) error { return w.host("2").TurnOff(t.Context(), Names()...) },
		"current":      func(w *world) error { return w.host("2").TurnOff(t.Context(), Current) },
		"its context":  func(w *world) error { return w.host("2").TurnOff(t.Context(), Context) },
		"after a loss": func(w *world) error { _, err := w.lostHost().Undo(t.Context(), Names()...); return err },
	} {
		w := newWorld(t)
		w.write(".docker/config.json", "{,}", 0o600)
		h := w.host("2")
		if _, err := h.Apply(t.Context(), w.ready(1)); err != nil {
			t.Fatal(err)
		}
		err := off(w)
		if err == nil || strings.Count(err.Error(), "cannot be used, and was left alone") != 1 || !strings.Contains(err.Error(), "repair it") {
			t.Errorf("%s: %v", name, err)
		}
		if w.read(".docker/config.json") != "{,}" {
			t.Errorf("%s: the file was changed", name)
		}
		if name != "current" && w.setting(w.host("2"), Context).State == Applied {
			t.Errorf("%s: the context is still there", name)
		}
	}
	w := newWorld(t)
	w.write(".docker/config.json", "{,}", 0o600)
	w.must(w.host("2").TurnOff(t.Context(), Socket))
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

// fullFiles writes nothing, and says so with the name of a temporary file, another one each time.
type fullFiles struct {
	diskFiles
	tries int
}

func (f *fullFiles) Write(path string, data []byte, mode os.FileMode) error {
	if filepath.Base(path) == "integration.json" {
		return f.diskFiles.Write(path, data, mode)
	}
	f.tries++
	return fmt.Errorf("writing %s: %w", path, &os.PathError{Op: "open", Path: fmt.Sprintf("%s-%d", path, f.tries), Err: syscall.EROFS})
}

// TestFailureIsReportedOnce: what fails in the same way again is nothing new, and ends when it no
// longer fails.
func TestFailureIsReportedOnce(t *testing.T) {
	w := newWorld(t)
	h := w.host("2")
	h.files = &fullFiles{}
	for i, fresh := range []int{1, 0, 0} {
		report, err := h.Apply(t.Context(), Want{Docker: true})
		w.must(err)
		if len(report.Problems) != 1 || len(report.Fresh) != fresh || !strings.Contains(report.Problems[0].What, w.env.ConfigDir) {
			t.Errorf("%d: %+v", i, report)
		}
	}
	w.mkdir("run/docker.sock")
	if err := h.TurnOn(t.Context(), Want{Docker: true}, Socket); err == nil {
		t.Error("a directory is in the place of the link")
	}
	w.context(h.Name, "unix:///theirs.sock")
	report, err := h.Apply(t.Context(), Want{Docker: true})
	if err != nil || len(report.Fresh) != 1 {
		t.Errorf("another problem in its place: %+v, %v", report, err)
	}
	w.must(os.Remove(contextFile(w.env.ConfigDir, h.Name)))
	_, err = h.Apply(t.Context(), Want{Docker: true})
	w.must(err)
	if got := w.setting(h, Context); got.State != NotApplied || !strings.Contains(got.Problem, "read-only file system") {
		t.Errorf("it is shown as %+v", got)
	}
	w.apply(w.host("2"), Want{Docker: true})
	w.wantState(h, Applied, NotApplied, Off)
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
