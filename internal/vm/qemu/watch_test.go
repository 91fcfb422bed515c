// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"log/slog"
	"path/filepath"
	"slices"
	"testing"

	"github.com/fsnotify/fsnotify"
)

// TestOnlyInstancesAreReported: what else is in the directory of the instances is none of them.
func TestOnlyInstancesAreReported(t *testing.T) {
	home := t.TempDir()
	w := &watcher{
		engine: New(Config{LimaHome: home, CacheDir: t.TempDir(), Log: slog.New(slog.DiscardHandler)}), pending: newPending(),
		path: newPathTo(home),
	}
	for _, name := range []string{"x", "_disks", "_config", ".new-y", ".trash-y", "z/run.json", "z/disk", "z/serial.log"} {
		w.onFile(fsnotify.Event{Name: filepath.Join(home, name), Op: fsnotify.Create})
	}
	if got := w.pending.take(); !slices.Equal(got, []string{"x", "z"}) {
		t.Errorf("got %q", got)
	}
}
