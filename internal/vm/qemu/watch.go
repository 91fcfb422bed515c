// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"rancherdesktop.io/rdd/internal/process"
)

// recheck is how long an instance is left alone whose lock is held by a process that has not said
// who it is yet.
const recheck = time.Second

// Watch implements vm.Engine. It starts nothing: see Adopt.
func (e *Engine) Watch(ctx context.Context, changed func(name string)) error {
	if err := os.MkdirAll(e.config.LimaHome, 0o700); err != nil {
		return fmt.Errorf("watching instances: %w", err)
	}
	files, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watching instances: %w", err)
	}
	w := &watcher{
		engine: e, changed: changed, files: files, pending: newPending(),
		waits: map[process.Identity]bool{}, waited: make(chan endedProcess),
	}
	if err := w.begin(); err != nil {
		return errors.Join(err, files.Close())
	}
	go w.read()
	go w.run(ctx)
	return nil
}

// watcher turns what happens to files, processes and background work into names.
type watcher struct {
	engine  *Engine
	changed func(string)
	files   *fsnotify.Watcher
	pending *pending
	// waits are the processes whose end is waited for.
	waits  map[process.Identity]bool
	waited chan endedProcess
}

type endedProcess struct {
	id   process.Identity
	name string
}

func (w *watcher) begin() error {
	if err := w.files.Add(w.engine.config.LimaHome); err != nil {
		return fmt.Errorf("watching instances: %w", err)
	}
	w.engine.works.listen(w.pending)
	names, err := w.engine.home.Instances()
	if err != nil {
		w.engine.works.unlisten(w.pending)
		return err
	}
	for _, name := range names {
		w.pending.add(name)
	}
	if err := w.engine.home.RemoveLeftovers(); err != nil {
		w.engine.config.Log.Error("removing leftovers", "error", err)
	}
	return nil
}

func (w *watcher) run(ctx context.Context) {
	defer func() {
		w.engine.works.unlisten(w.pending)
		if err := w.files.Close(); err != nil {
			w.engine.config.Log.Error("ending a watch", "error", err)
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case ended := <-w.waited:
			delete(w.waits, ended.id)
			w.pending.add(ended.name)
		case <-w.pending.signal:
			for _, name := range w.pending.take() {
				w.attend(ctx, name)
				w.changed(name)
			}
		}
	}
}

// read takes what fsnotify reports. It is a goroutine of its own that never calls fsnotify: that
// one may hold its lock while it waits to be heard.
func (w *watcher) read() {
	for {
		select {
		case event, open := <-w.files.Events:
			if !open {
				return
			}
			w.onFile(event)
		case err, open := <-w.files.Errors:
			if !open {
				return
			}
			w.onError(err)
		}
	}
}

// onFile wakes for an instance directory that comes or goes, and for the records in one.
func (w *watcher) onFile(event fsnotify.Event) {
	dir, base := filepath.Split(event.Name)
	if filepath.Clean(dir) == filepath.Clean(w.engine.config.LimaHome) {
		if !strings.HasPrefix(base, ".") {
			w.pending.add(base)
		}
		return
	}
	switch base {
	case "rdd.json", "run.json", "created", "lima.yaml":
		w.pending.add(filepath.Base(filepath.Clean(dir)))
	}
}

// onError reports every instance: events may have been lost.
func (w *watcher) onError(err error) {
	w.engine.config.Log.Debug("watching instances", "error", err)
	names, err := w.engine.home.Instances()
	if err != nil {
		w.engine.config.Log.Error("watching instances", "error", err)
	}
	for _, name := range names {
		w.pending.add(name)
	}
}

// attend follows an instance's directory and processes from now on.
func (w *watcher) attend(ctx context.Context, name string) {
	i := w.engine.instance(name)
	if err := w.files.Add(string(i.dir)); err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			w.engine.config.Log.Error("watching an instance", "instance", name, "error", err)
		}
		return
	}
	if _, err := i.dir.ReadRecord(); err != nil {
		return
	}
	seen, err := i.observe()
	if err != nil {
		return // Observe reports it
	}
	if id := seen.run.Hostagent; id != nil && seen.run.End == nil && !w.waits[*id] && id.Alive() {
		go i.checkVersion(ctx)
	}
	known := w.await(ctx, name, seen.run.Hostagent)
	w.await(ctx, name, seen.run.QEMU)
	if seen.hostagent && !known {
		w.later(ctx, name, recheck)
	}
}

// await wakes for name when the process ends; false when it is not alive.
func (w *watcher) await(ctx context.Context, name string, id *process.Identity) bool {
	if id == nil || !id.Alive() {
		return false
	}
	if w.waits[*id] {
		return true
	}
	w.waits[*id] = true
	go func() {
		if id.Wait(ctx) != nil {
			return
		}
		select {
		case w.waited <- endedProcess{*id, name}:
		case <-ctx.Done():
		}
	}()
	return true
}

// later wakes for name after d.
func (w *watcher) later(ctx context.Context, name string, d time.Duration) {
	timer := time.AfterFunc(d, func() { w.pending.add(name) })
	context.AfterFunc(ctx, func() { timer.Stop() })
}
