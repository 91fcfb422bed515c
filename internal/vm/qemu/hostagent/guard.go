// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"context"
	"os"
	"time"

	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// guardInterval is how often run.json is compared with the state.
const guardInterval = time.Second

// guard keeps files in reserve for a full disk. It writes run.json again whenever somebody else has
// changed or removed it, until ctx ends: it would stay damaged until the machine does something
// else.
func (r *runRecorder) guard(ctx context.Context) {
	ticker := time.NewTicker(guardInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			r.rewrite()
			r.keepSpares()
		}
	}
}

// keepSpares keeps the files that let run.json be written while the disk is full.
func (r *runRecorder) keepSpares() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.config.Dir.KeepSpares(); err != nil {
		r.config.Log.Debug("guarding the machine's state", "error", err) // there is no room now
	}
}

// rewrite writes run.json unless it is as it was written last. A damaged one is set apart.
func (r *runRecorder) rewrite() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.config.Dir.HasRun(r.run) {
		return
	}
	if _, err := os.Stat(string(r.config.Dir)); err != nil {
		return // the whole directory is gone, and may come back
	}
	path := r.config.Dir.RunFile()
	if r.unwritten {
		r.write()
		return
	}
	r.config.Log.Warn("somebody has changed the machine's state: writing it again", "file", path)
	if _, err := r.config.Dir.ReadRun(); err != nil {
		if err := vmdir.SetApart(path); err != nil {
			r.config.Log.Error("writing the machine's state", "error", err)
			return
		}
	}
	r.write()
}
