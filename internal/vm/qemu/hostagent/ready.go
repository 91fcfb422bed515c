// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rancherdesktop.io/rdd/internal/sshx"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/machine"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
	"rancherdesktop.io/rdd/internal/vm/template"
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

// deadlines of waits for the guest.
type deadlines struct{ boot, provision, probe, shutdown time.Duration }

// deadlines are long: they are for guests that hang, not for slow hosts.
func (a *agent) deadlines(accelerator machine.Accelerator) deadlines {
	if accelerator.Emulated() {
		return deadlines{boot: 10 * time.Minute, provision: 60 * time.Minute, probe: 15 * time.Minute, shutdown: 3 * time.Minute}
	}
	return deadlines{boot: 3 * time.Minute, provision: 30 * time.Minute, probe: 5 * time.Minute, shutdown: time.Minute}
}

const (
	// retryPause between tries of what the guest does not answer yet.
	retryPause = 100 * time.Millisecond
	probePause = time.Second
	// A guest whose network is not up swallows connections: early tries are given up soon, later ones wait.
	firstBanner, lastBanner = time.Second, 10 * time.Second
)

// follow waits for the machine to be ready, and then for its end or a request to stop.
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
		case err := <-ready:
			if err != nil && !m.hasEnded() && working.Err() == nil {
				a.giveUp(m, err)
				return
			}
		}
	}
}

func (a *agent) endedByItself(m *machineProcess) {
	if a.stops.requested() {
		a.state.end(vmdir.End{})
		return
	}
	a.failed(m.cause())
}

// giveUp ends a machine that does not become ready.
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

// bringUp takes a machine whose QEMU runs to Running. What was Running before it was adopted has only
// to be reached again.
func (a *agent) bringUp(ctx context.Context, m *machineProcess) error {
	if !a.state.get().WasRunning {
		a.state.step(vm.PhaseStarting, "booting", stepBoot, steps)
	}
	if err := a.login(ctx, m); err != nil {
		return err
	}
	if !a.state.get().WasRunning {
		if err := a.prepare(ctx, m); err != nil {
			return err
		}
		a.state.step(vm.PhaseStarting, "forwarding", stepForward, steps)
	}
	a.forward(m)
	a.serveShells(m)
	a.Log.Info("running")
	a.state.update(func(run *vmdir.Run) {
		if ctx.Err() == nil {
			run.Phase, run.Progress, run.WasRunning = vm.PhaseRunning, vm.Progress{}, true
			run.Message = m.template.Message
		}
	})
	return nil
}

// login waits until the guest lets us in, and asks it who it is.
func (a *agent) login(ctx context.Context, m *machineProcess) error {
	limit := a.deadlines(m.accelerator).boot
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := a.connect(ctx, m); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("the guest has not let us in within %s: %w; %s", limit, err, a.lastWords())
		}
		return err
	}
	id, err := a.ask(ctx, m, "cat /proc/sys/kernel/random/boot_id")
	if err != nil {
		return fmt.Errorf("asking the guest for its boot id: %w", err)
	}
	a.state.update(func(run *vmdir.Run) { run.BootID = strings.TrimSpace(id) })
	return nil
}

func (a *agent) connect(ctx context.Context, m *machineProcess) error {
	config := a.sshConfig(a.state.get().SSHPort)
	for config.BannerTimeout = firstBanner; ; config.BannerTimeout = min(config.BannerTimeout*5/4, lastBanner) {
		client, err := sshx.Dial(ctx, config)
		if err == nil {
			return m.link.Use(client)
		}
		if errors.Is(err, sshx.ErrHostKey) {
			return err
		}
		if said := a.bootTrouble(); said != "" {
			return fmt.Errorf("the guest does not boot: %s", said)
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

// prepare waits for provisioning and probes.
func (a *agent) prepare(ctx context.Context, m *machineProcess) error {
	a.state.step(vm.PhaseStarting, "provisioning", stepProvision, steps)
	if err := a.awaitProvisioning(ctx, m); err != nil {
		return err
	}
	if len(m.template.Probes) == 0 {
		return nil
	}
	a.state.step(vm.PhaseStarting, "probing", stepProbe, steps)
	ctx, cancel := context.WithTimeout(ctx, a.deadlines(m.accelerator).probe)
	defer cancel()
	for i, probe := range m.template.Probes {
		if err := a.probe(ctx, m, i, probe); err != nil {
			return err
		}
	}
	return nil
}

func (a *agent) awaitProvisioning(ctx context.Context, m *machineProcess) error {
	limit := a.deadlines(m.accelerator).provision
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for _, script := range []string{"boot", "provision"} {
		file := "/run/rdd/" + script
		code, err := a.ask(ctx, m, "while [ ! -e "+file+".status ]; do sleep 0.5; done; cat "+file+".status")
		if err != nil {
			return fmt.Errorf("waiting %s for the guest's %s script: %w", limit, script, err)
		}
		if code = strings.TrimSpace(code); code == "0" {
			continue
		}
		output, err := a.ask(ctx, m, "sudo tail -n 30 "+file+".log")
		if err != nil {
			output = "its output cannot be read: " + err.Error()
		}
		return fmt.Errorf("the guest's %s script failed with exit code %s: %s", script, code, strings.TrimSpace(output))
	}
	return nil
}

// probeLine runs what it reads as a program of its own.
const probeLine = `f=$(mktemp) && cat >"$f" && chmod 0700 "$f" && "$f" </dev/null; code=$?; rm -f "$f"; exit $code`

// exportParams gives a script the parameters that provisioning scripts have.
func exportParams(params map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(params)) {
		fmt.Fprintf(&b, "export PARAM_%s=%s; ", name, sshx.Quote(params[name]))
	}
	return b.String()
}

// probe repeats a probe until it passes.
func (a *agent) probe(ctx context.Context, m *machineProcess, i int, probe template.Probe) error {
	var last string
	for {
		var output bytes.Buffer
		code, err := a.run(ctx, m, sshx.Command{
			Line: exportParams(m.template.Param) + probeLine, Stdin: strings.NewReader(probe.Script), Stdout: &output, Stderr: &output,
		})
		switch {
		case err == nil && code == 0:
			return nil
		case err == nil:
			last = fmt.Sprintf("exit code %d: %.2000s", code, bytes.TrimSpace(output.Bytes()))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("probes[%d] (%s) has not passed: %s; %s", i, probe.Description, last, probe.Hint)
		case <-time.After(probePause):
		}
	}
}

// ask runs a shell line in the guest and returns its output. When the connection breaks it asks again.
func (a *agent) ask(ctx context.Context, m *machineProcess, line string) (string, error) {
	for {
		out, ended, err := a.output(ctx, m, line)
		if ended {
			return out, err
		}
		a.Log.Warn("asking the guest", "error", err)
		select {
		case <-ctx.Done():
			return "", err
		case <-m.ended:
			return "", err
		case <-time.After(probePause):
		}
	}
}

// once runs a shell line in the guest and returns its output without the spaces around it.
func (a *agent) once(ctx context.Context, m *machineProcess, line string) (string, error) {
	out, _, err := a.output(ctx, m, line)
	return strings.TrimSpace(out), err
}

// output runs a shell line in the guest and returns what it wrote. The line has not ended, as far as is known, when the
// connection broke.
func (a *agent) output(ctx context.Context, m *machineProcess, line string) (out string, ended bool, err error) {
	var text, complaints bytes.Buffer
	code, err := a.run(ctx, m, sshx.Command{Line: line, Stdout: &text, Stderr: &complaints})
	ended = err == nil
	if ended && code != 0 {
		return "", true, fmt.Errorf("exit code %d: %s", code, bytes.TrimSpace(complaints.Bytes()))
	}
	return text.String(), ended, err
}

func (a *agent) run(ctx context.Context, m *machineProcess, c sshx.Command) (int, error) {
	client, err := m.link.Client(ctx)
	if err != nil {
		return 0, err
	}
	return sshx.Run(ctx, client, c)
}
