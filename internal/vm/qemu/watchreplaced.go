// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/fsnotify/fsnotify"
)

// pathTo is the way to a directory: each part of it, a link too, may be replaced.
type pathTo struct {
	// names are the directory's own: as it is given, and as it is without links.
	names []string
	// above are the directories above each of them, but for the root.
	above map[string]bool
}

func newPathTo(dir string) pathTo {
	p := pathTo{names: []string{filepath.Clean(dir)}, above: map[string]bool{}}
	if target, err := filepath.EvalSymlinks(dir); err == nil {
		p.names = append(p.names, target)
	}
	for _, name := range p.names {
		for dir := filepath.Dir(name); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
			p.above[dir] = true
		}
	}
	return p
}

// has reports whether a path is a part of it.
func (p pathTo) has(path string) bool { return p.above[path] || slices.Contains(p.names, path) }

// watchAbove watches the directories above LIMA_HOME. One that cannot be watched is left to the
// interval.
func (w *watcher) watchAbove() {
	for _, dir := range slices.Sorted(maps.Keys(w.path.above)) {
		if err := w.watch(dir); err != nil {
			w.engine.config.Log.Debug("watching a directory above the instances", "directory", dir, "error", err)
		}
	}
}

// onPath has the watched directories compared when a part of the path to LIMA_HOME may be another
// one now. read calls it.
func (w *watcher) onPath(event fsnotify.Event) {
	if event.Op&(fsnotify.Create|fsnotify.Remove|fsnotify.Rename) == 0 || !w.path.has(event.Name) {
		return
	}
	select {
	case w.replaced <- struct{}{}:
	default: // it is asked for already
	}
}

// watch watches a directory, and remembers which one it was.
func (w *watcher) watch(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	w.watched[path] = info
	return w.files.Add(path)
}

// watchReplaced watches those directories again that are other ones now, or are back, and adds the
// instances concerned. A directory that is gone stays known. Those above come first: what is made
// below one in the meantime is not missed then.
func (w *watcher) watchReplaced() {
	for _, path := range slices.Sorted(maps.Keys(w.watched)) {
		before := w.watched[path]
		now, err := os.Stat(path)
		if err != nil {
			w.watched[path] = nil
			if before != nil {
				w.addBelow(path)
			}
			continue
		}
		if before != nil && os.SameFile(before, now) {
			_ = w.files.Add(path) // one that was away for a moment is not watched any more
			continue
		}
		_ = w.files.Remove(path) // it may not be watched any more
		if err := w.watch(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			w.engine.config.Log.Error("watching a directory again", "directory", path, "error", err)
		}
		w.addBelow(path)
	}
}

// addBelow adds the instance of a directory; all that are known or there for LIMA_HOME itself, and
// none for a directory above.
func (w *watcher) addBelow(path string) {
	home := w.engine.config.LimaHome
	if w.path.above[path] {
		return
	}
	if path != home {
		w.pending.add(filepath.Base(path))
		return
	}
	for known := range w.watched {
		if known != home && !w.path.above[known] {
			w.pending.add(filepath.Base(known))
		}
	}
	names, err := w.engine.home.Instances()
	if err != nil {
		w.engine.config.Log.Error("watching instances", "error", err)
	}
	for _, name := range names {
		w.pending.add(name)
	}
}
