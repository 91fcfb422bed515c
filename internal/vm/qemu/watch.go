// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// recheck is the interval at which an instance is checked whose lock is held by a process whose
// identity is not recorded: it was started just now, or is the child of one that has ended.
const recheck = time.Second

// replacedInterval is how often the watched directories are compared with those of their names
// without a reason. One whose volume was unmounted or mounted is another one, and nothing reports
// that.
const replacedInterval = 10 * time.Second

// Watch implements vm.Engine. It starts nothing: see Adopt.
func (e *Engine) Watch(ctx context.Context, changed func(name string)) error {
	w, err := e.newWatcher(changed)
	if err != nil {
		return err
	}
	go w.read()
	go w.run(ctx)
	return nil
}

// newWatcher returns a watcher that has begun.
func (e *Engine) newWatcher(changed func(name string)) (*watcher, error) {
	if err := e.home.Make(); err != nil {
		return nil, fmt.Errorf("watching instances: %w", err)
	}
	files, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watching instances: %w", err)
	}
	w := &watcher{
		engine: e, changed: changed, files: files, pending: newPending(),
		waits: map[process.Identity]bool{}, waited: make(chan endedProcess), watched: map[string]fs.FileInfo{},
		path: newPathTo(e.config.LimaHome), replaced: make(chan struct{}, 1), interval: replacedInterval,
	}
	if err := w.begin(); err != nil {
		return nil, errors.Join(err, files.Close())
	}
	return w, nil
}

// watcher turns changes of files, processes and background work into names of instances.
type watcher struct {
	engine  *Engine
	changed func(string)
	files   *fsnotify.Watcher
	pending *pending
	// waits are the processes whose end is waited for. Only run uses it.
	waits  map[process.Identity]bool
	waited chan endedProcess
	// watched are the directories that are watched, as they were then. Only begin and run use it.
	watched map[string]fs.FileInfo
	// path is the one to LIMA_HOME, whose parts are watched as well. replaced says that one may be
	// another now; interval is how often that is assumed.
	path     pathTo
	replaced chan struct{}
	interval time.Duration
}

// endedProcess is a process of an instance that has ended.
type endedProcess struct {
	id   process.Identity
	name string
}

// begin subscribes to everything before it lists the instances, so that no change is lost in
// between.
func (w *watcher) begin() error {
	w.watchAbove()
	if err := w.watch(w.engine.config.LimaHome); err != nil {
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

// run calls changed for pending names until ctx ends.
func (w *watcher) run(ctx context.Context) {
	logs := time.NewTicker(logInterval)
	defer logs.Stop()
	defer func() {
		w.engine.works.unlisten(w.pending)
		if err := w.files.Close(); err != nil {
			w.engine.config.Log.Error("ending a watch", "error", err)
		}
	}()
	replaced := time.NewTicker(w.interval)
	defer replaced.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-logs.C:
			w.engine.rotateLogs()
		case <-replaced.C:
			w.watchReplaced()
		case <-w.replaced:
			w.watchReplaced()
			w.addBelow(w.engine.config.LimaHome)
		case ended := <-w.waited:
			delete(w.waits, ended.id)
			w.pending.add(ended.name)
		case <-w.pending.signal:
			for _, name := range w.pending.take() {
				w.follow(ctx, name)
				w.changed(name)
			}
		}
	}
}

// read receives what fsnotify reports. It runs in a goroutine of its own, which never calls
// fsnotify: that may hold its lock while it waits for a receiver.
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

// onFile adds the name of an instance directory that is created or removed, or whose records
// change, or whose disks come and go.
func (w *watcher) onFile(event fsnotify.Event) {
	if w.path.above[filepath.Dir(event.Name)] {
		w.onPath(event)
		return
	}
	dir, base := filepath.Split(event.Name)
	if filepath.Clean(dir) == filepath.Clean(w.engine.config.LimaHome) {
		if vmdir.MayBeInstance(base) {
			w.pending.add(base)
		}
		return
	}
	switch base {
	case "rdd.json", "rdd.json.bak", "run.json", "created", "lima.yaml":
		w.pending.add(filepath.Base(filepath.Clean(dir)))
	case vmdir.DiskName, vmdir.BaseDiskName, vmdir.KernelName, vmdir.InitrdName:
		// Not when it is written to, which QEMU does all the time.
		if event.Op&(fsnotify.Create|fsnotify.Remove|fsnotify.Rename) != 0 {
			w.pending.add(filepath.Base(filepath.Clean(dir)))
		}
	}
}

// onError adds every instance: events may have been lost.
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

// follow watches an instance's directory and processes from now on. It may be called any number of
// times.
func (w *watcher) follow(ctx context.Context, name string) {
	i := w.engine.instance(name)
	if err := w.watch(string(i.dir)); err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			w.engine.config.Log.Error("watching an instance", "instance", name, "error", err)
		}
		return
	}
	if _, err := i.dir.ReadRecord(); err != nil {
		return
	}
	observed, err := i.observe()
	if errors.Is(err, errRunDamaged) {
		w.requeueAfter(ctx, name, recheck)
	}
	if err != nil {
		return // Observe reports it
	}
	if id := observed.run.Hostagent; id != nil && observed.run.End == nil && !w.waits[*id] && id.Alive() {
		go i.checkVersion(ctx)
	}
	hostagent := w.watchProcess(ctx, name, observed.run.Hostagent)
	qemu := w.watchProcess(ctx, name, observed.run.QEMU)
	if (observed.hostagent && !hostagent) || (observed.qemu && !qemu) {
		w.requeueAfter(ctx, name, recheck)
	}
}

// watchProcess adds name when the process ends; false when it is not alive.
func (w *watcher) watchProcess(ctx context.Context, name string, id *process.Identity) bool {
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

// requeueAfter adds name after d.
func (w *watcher) requeueAfter(ctx context.Context, name string, d time.Duration) {
	timer := time.AfterFunc(d, func() { w.pending.add(name) })
	context.AfterFunc(ctx, func() { timer.Stop() })
}
