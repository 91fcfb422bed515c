// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"context"
	"errors"
	"syscall"
	"time"

	"rancherdesktop.io/rdd/internal/vm"
)

// resume resumes the guest if the cause of its pause may be gone, or if that was requested.
func (p *pauses) resume(pause *vm.Pause) {
	requested := p.requested || p.agent.stops.requested()
	p.requested = false
	switch {
	case requested:
	case pause.Reason == vm.PauseRequested, pause.Reason == vm.PauseProcess, pause.Missing > 0:
		return
	case time.Since(p.tried) < p.delay:
		return
	}
	p.tried, p.delay = time.Now(), min(max(2*p.delay, firstResume), longestResume)
	p.agent.Log.Info("resuming the guest", "paused", pause.Reason)
	if err := p.machine.resume(pause.Reason); err != nil && !errors.Is(err, context.Canceled) {
		p.agent.Log.Warn("resuming the guest", "error", err)
	}
}

// resume ends a pause, if it can be ended.
func (m *machineProcess) resume(paused vm.PauseReason) error {
	switch paused {
	case vm.PauseProcess:
		return m.identity.Signal(syscall.SIGCONT)
	case vm.PauseSuspended:
		return m.executeFor(m.ctx, "system_wakeup", nil, nil)
	default:
		return m.executeFor(m.ctx, "cont", nil, nil)
	}
}
