// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"os"
	"path/filepath"
)

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
// instances concerned. A directory that is gone stays known.
func (w *watcher) watchReplaced() {
	for path, before := range w.watched {
		now, err := os.Stat(path)
		if err != nil {
			w.watched[path] = nil
			if before != nil {
				w.addBelow(path)
			}
			continue
		}
		if before != nil && os.SameFile(before, now) {
			continue
		}
		_ = w.files.Remove(path) // it may not be watched any more
		if err := w.watch(path); err != nil {
			w.engine.config.Log.Error("watching a directory again", "directory", path, "error", err)
		}
		w.addBelow(path)
	}
}

// addBelow adds the instance of a directory; all that are known or there for LIMA_HOME itself.
func (w *watcher) addBelow(path string) {
	home := w.engine.config.LimaHome
	if path != home {
		w.pending.add(filepath.Base(path))
		return
	}
	for known := range w.watched {
		if known != home {
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
