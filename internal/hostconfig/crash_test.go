// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"rancherdesktop.io/rdd/internal/atomicfile"
)

var errKilled = errors.New("killed")

// quickFiles waits for no disk.
type quickFiles struct{ diskFiles }

func temporary(path string) string {
	return filepath.Join(filepath.Dir(path), ".tmp-"+filepath.Base(path)+"-1")
}

func (q quickFiles) Write(path string, data []byte, mode fs.FileMode) error {
	if err := q.Sweep(path); err != nil {
		return err
	}
	if err := os.WriteFile(temporary(path), data, mode); err != nil {
		return err
	}
	return os.Rename(temporary(path), path)
}

func (q quickFiles) Replace(path string, data []byte) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if names(info) > 1 {
		return atomicfile.ErrInPlace
	}
	return q.Write(path, data, info.Mode())
}

func (quickFiles) Overwrite(path string, data []byte) error { return os.WriteFile(path, data, 0o600) }

// dyingFiles makes a number of changes and then none any more, as a process that was killed. half
// says that it is killed within the last write, whose temporary file stays.
type dyingFiles struct {
	quickFiles
	left int
	half bool
}

func (d *dyingFiles) next(within, do func() error) error {
	d.left--
	switch {
	case d.left > 0:
		return do()
	case d.left == 0 && d.half:
		return errors.Join(within(), errKilled)
	case d.left == 0:
		return errors.Join(do(), errKilled)
	default:
		return errKilled
	}
}

func nothing() error { return nil }

func (d *dyingFiles) Write(path string, data []byte, mode fs.FileMode) error {
	return d.next(
		func() error { return os.WriteFile(temporary(path), data, mode) }, func() error { return d.quickFiles.Write(path, data, mode) },
	)
}

func (d *dyingFiles) Replace(path string, data []byte) error {
	if info, err := os.Stat(path); err == nil && names(info) > 1 {
		return d.quickFiles.Replace(path, data) // changes nothing
	}
	return d.next(
		func() error { return os.WriteFile(temporary(path), data, 0o600) }, func() error { return d.quickFiles.Replace(path, data) },
	)
}

// Overwrite within which the process is killed leaves the old end.
func (d *dyingFiles) Overwrite(path string, data []byte) error {
	return d.next(
		func() error {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.Write(data[:max(0, len(data)-5)])
			return errors.Join(err, f.Close())
		},
		func() error { return d.quickFiles.Overwrite(path, data) },
	)
}

func (d *dyingFiles) Mkdir(path string) error {
	return d.next(nothing, func() error { return d.quickFiles.Mkdir(path) })
}

func (d *dyingFiles) Remove(path string) error {
	return d.next(nothing, func() error { return d.quickFiles.Remove(path) })
}

func (d *dyingFiles) Sweep(path string) error {
	return d.next(nothing, func() error { return d.quickFiles.Sweep(path) })
}

func (d *dyingFiles) Link(target, path string) error {
	return d.next(nothing, func() error { return d.quickFiles.Link(target, path) })
}

// TestKilledAnywhere kills the process after and within each change that a way of work makes, for
// each way and each home; whatever was half done, applying it again and undoing it both end right.
func TestKilledAnywhere(t *testing.T) {
	for _, name := range []string{"nothing", "white space", "another context", "a link", "hard links", "a link is asked for"} {
		home := homes[name]
		for _, half := range []bool{false, true} {
			for _, then := range []string{"apply", "undo"} {
				t.Run(fmt.Sprintf("%s/half=%v/%s", name, half, then), func(t *testing.T) {
					for k := 1; killedAt(t, home, k, half, then); k++ {
						if k > 100 {
							t.Fatal("it never comes to an end")
						}
					}
				})
			}
		}
	}
}

// killedAt goes through applying and undoing, with the k-th change as the last one of its process,
// and reports whether there was a k-th.
func killedAt(t *testing.T, prepare func(*testing.T, *world), k int, half bool, then string) bool {
	w := newWorld(t)
	prepare(t, w)
	before := w.snapshot()
	h := w.host("2")
	dying := &dyingFiles{left: k, half: half}
	h.files = dying
	_, err := h.Apply(t.Context(), w.ready(1))
	if dying.left > 0 {
		_, err = h.Apply(t.Context(), Want{})
	}
	died := dying.left <= 0
	if !died && err != nil {
		t.Fatal(err)
	}
	next := w.host("2")
	next.files = quickFiles{}
	if then == "apply" {
		w.apply(next, w.ready(2))
		if got := w.selected(); got != "rancher-desktop-2" {
			t.Errorf("killed at %d: afterwards the current context is %q", k, got)
		}
		w.apply(next, w.ready(2))
	}
	w.apply(next, Want{})
	w.same(fmt.Sprintf("killed at %d", k), before)
	return died
}

func TestStaleFilesOfOthersStay(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".tmp-config.json-1", ".tmp-config.json1", ".tmp-other.json-1"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := atomicfile.RemoveStaleOf(filepath.Join(dir, "config.json")); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("%v, %v are left", left, err)
	}
}
