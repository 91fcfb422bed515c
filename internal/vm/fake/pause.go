// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"fmt"

	"rancherdesktop.io/rdd/internal/vm"
)

// Pause pauses the guest of an instance. A guest that was paused by somebody, or whose process was
// stopped, is resumed by Start as well, any other by Unpause only.
func (w *World) Pause(name string, pause vm.Pause) error {
	return w.setPause(name, &pause)
}

// Unpause ends the pause of a guest.
func (w *World) Unpause(name string) error { return w.setPause(name, nil) }

func (w *World) setPause(name string, pause *vm.Pause) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := w.instances[name]
	if i == nil || i.machine == nil {
		return fmt.Errorf("pausing the guest of %q: %w", name, vm.ErrNotRunning)
	}
	if pause != nil && pause.Since.IsZero() {
		pause.Since = w.now()
	}
	i.machine.pause = pause
	w.changed(name)
	return nil
}

// resume ends a pause that a request can end.
func (m *machine) resume() {
	if m.pause != nil && (m.pause.Reason == vm.PauseRequested || m.pause.Reason == vm.PauseProcess) {
		m.pause = nil
	}
}
