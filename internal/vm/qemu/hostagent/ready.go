// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"rancherdesktop.io/rdd/internal/sshx"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/machine"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// Steps to a running machine.
const (
	stepStart = iota + 1
	stepBoot
	stepProvision
	stepProbe
	stepForward
	steps = stepForward
)

// deadlines are the timeouts of waits for the guest.
type deadlines struct{ boot, provision, probe, shutdown time.Duration }

// deadlines are long: they end the wait for guests that hang, not on slow hosts.
func (a *agent) deadlines(accelerator machine.Accelerator) deadlines {
	d := deadlines{boot: 3 * time.Minute, provision: 30 * time.Minute, probe: 5 * time.Minute, shutdown: time.Minute}
	if accelerator.Emulated() {
		d = deadlines{boot: 10 * time.Minute, provision: 60 * time.Minute, probe: 15 * time.Minute, shutdown: 3 * time.Minute}
	}
	d.probe = cmp.Or(a.ProbeTimeout, d.probe)
	return d
}

const (
	// retryPause is the pause between attempts to reach a guest that does not answer yet.
	retryPause = 100 * time.Millisecond
	probePause = time.Second
	reachPause = 10 * time.Second
	// A guest whose network is not up does not answer connections. Early attempts are short, later
	// ones wait longer, as a slow guest may need that.
	firstBanner, lastBanner = time.Second, 10 * time.Second
)

// follow brings the machine up and waits for its end or a request to stop.
func (a *agent) follow(ctx context.Context, m *machineProcess) {
	working, cancel := a.stops.context(ctx)
	defer cancel()
	ready := make(chan error, 1)
	m.work.Go(func() { ready <- a.bringUp(working, m) })
	for {
		select {
		case <-ctx.Done():
			a.requestStop(vm.StopShutdown)
			a.shutDown(m)
			return
		case <-a.stops.first:
			a.shutDown(m)
			return
		case <-m.ended:
			cancel()
			a.endedByItself(m)
			return
		case err := <-m.broken:
			cancel()
			a.endBroken(m, err)
			return
		case err := <-ready:
			switch {
			case err == nil || working.Err() != nil || m.hasEnded():
			case m.isEnding():
				a.endedByItself(m)
				return
			default:
				a.giveUp(m, err)
				return
			}
		}
	}
}

// endedByItself records the end of a QEMU that this process has not ended.
func (a *agent) endedByItself(m *machineProcess) {
	if a.stops.requested() {
		a.state.end(vmdir.End{})
		return
	}
	a.failed(m.cause())
}

// endBroken ends a QEMU that cannot go on with the guest, and records why.
func (a *agent) endBroken(m *machineProcess, err error) {
	if killErr := a.kill(m); killErr != nil {
		err = errors.Join(err, killErr)
	}
	if a.stops.requested() {
		a.state.end(vmdir.End{})
		return
	}
	a.failed(err)
}

// giveUp ends a machine that does not become ready, and records why.
func (a *agent) giveUp(m *machineProcess, err error) {
	a.Log.Error("the virtual machine does not become ready", "error", err)
	a.pressPowerButton(m)
	if !m.hasEnded() {
		if killErr := a.kill(m); killErr != nil {
			err = errors.Join(err, killErr)
		}
	}
	if a.stops.requested() {
		a.state.end(vmdir.End{})
		return
	}
	a.fail(vm.OperationStart, err)
}

// bringUp takes a machine whose QEMU runs to the phase Running. For one that was Running before it
// was adopted, it only connects and forwards again.
func (a *agent) bringUp(ctx context.Context, m *machineProcess) error {
	if !a.state.get().WasRunning {
		a.state.step(vm.PhaseStarting, "booting", stepBoot, steps)
		if err := a.openScreen(ctx, m); err != nil {
			return err
		}
	}
	if err := a.reach(ctx, m); err != nil {
		return vm.WithKind(vm.FaultBoot, err)
	}
	if err := a.mount(ctx, m); err != nil {
		return err
	}
	if !a.state.get().WasRunning {
		if err := a.prepare(ctx, m); err != nil {
			return err
		}
		if err := a.copyToHost(ctx, m); err != nil {
			return err
		}
		a.state.step(vm.PhaseStarting, "forwarding", stepForward, steps)
	}
	a.forward(m)
	a.serveShells(m)
	m.work.Go(func() { a.watchUnits(m) })
	a.Log.Info("running")
	a.state.update(func(run *vmdir.Run) {
		if ctx.Err() == nil {
			run.Phase, run.Progress, run.WasRunning = vm.PhaseRunning, vm.Progress{}, true
			run.Message = m.template.Message
		}
	})
	return nil
}

// bootID matches what Linux calls a boot id (random(4)): a UUID.
var bootID = regexp.MustCompile(`^[0-9a-f-]{16,36}$`)

// reach logs in to the guest. One that was running before it was adopted has work to lose, so it is
// not given up: reach tries until the machine has ended or ctx ends.
func (a *agent) reach(ctx context.Context, m *machineProcess) error {
	for {
		err := a.login(ctx, m)
		if err == nil || !a.state.get().WasRunning {
			return err
		}
		a.Log.Warn("reaching the guest of a machine that was adopted", "error", err)
		select {
		case <-ctx.Done():
			return err
		case <-m.ended:
			return err
		case <-time.After(reachPause):
		}
	}
}

// login waits until it can log in to the guest, and records the guest's boot ID.
func (a *agent) login(ctx context.Context, m *machineProcess) error {
	limit := a.deadlines(m.accelerator).boot
	ctx, cancel := m.withTimeout(ctx, limit)
	defer cancel()
	if err := a.connect(ctx, m); err != nil {
		if ctx.Err() != nil {
			if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
				a.distrust(m)
			}
			return fmt.Errorf("the guest has not let us in within %s: %w; %s", limit, err, a.logTails())
		}
		return err
	}
	id, err := a.ask(ctx, m, "cat /proc/sys/kernel/random/boot_id")
	if err != nil {
		return fmt.Errorf("asking the guest for its boot id: %w", err)
	}
	if id = strings.TrimSpace(id); !bootID.MatchString(id) {
		return fmt.Errorf("the guest's boot id is none: %.100q", id)
	}
	a.state.update(func(run *vmdir.Run) { run.BootID = id })
	return nil
}

// connect repeats attempts to log in until one succeeds, the guest reports that its boot failed, or
// ctx ends.
func (a *agent) connect(ctx context.Context, m *machineProcess) error {
	for timeout := firstBanner; ; timeout = min(timeout*5/4, lastBanner) {
		configs := a.sshConfigs()
		for i := range configs {
			configs[i].BannerTimeout = timeout
		}
		client, err := sshx.DialAny(ctx, configs...)
		if err == nil {
			return m.link.Use(client)
		}
		if errors.Is(err, sshx.ErrHostKey) {
			return err
		}
		if failure := a.bootFailure(); failure != "" {
			return fmt.Errorf("the guest does not boot: %s", failure)
		}
		select {
		case <-ctx.Done():
			return err
		case <-m.ended:
			return errNoQMP
		case <-time.After(retryPause):
		}
	}
}
