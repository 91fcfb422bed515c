// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"rancherdesktop.io/rdd/internal/bounded"
	"rancherdesktop.io/rdd/internal/sshx"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// prepare waits until the guest's scripts have succeeded and the probes have passed.
func (a *agent) prepare(ctx context.Context, m *machineProcess) error {
	a.state.step(vm.PhaseStarting, "provisioning", stepProvision, steps)
	if err := a.changeFiles(ctx, m); err != nil {
		return err
	}
	if err := a.awaitProvisioning(ctx, m); err != nil {
		return err
	}
	if len(m.template.Probes) == 0 {
		return nil
	}
	a.state.step(vm.PhaseStarting, "probing", stepProbe, steps)
	ctx, cancel := m.withTimeout(ctx, a.deadlines(m.accelerator).probe)
	defer cancel()
	for i, probe := range m.template.Probes {
		if err := a.probe(ctx, m, i, probe); err != nil {
			return err
		}
	}
	return nil
}

// awaitProvisioning waits for the status files of the guest's scripts. One that failed is a fault
// of kind vm.FaultScript.
func (a *agent) awaitProvisioning(ctx context.Context, m *machineProcess) error {
	limit := a.deadlines(m.accelerator).provision
	ctx, cancel := m.withTimeout(ctx, limit)
	defer cancel()
	for _, script := range []string{vm.ScriptBoot, vm.ScriptProvision} {
		file := "/run/rdd/" + script
		code, err := a.ask(ctx, m, "while [ ! -e "+file+".status ]; do sleep 0.5; done; cat "+file+".status")
		if err != nil {
			return vm.WithKind(vm.FaultScript, fmt.Errorf("waiting %s for the guest's %s script: %w", limit, script, err))
		}
		if code = strings.TrimSpace(code); code == "0" {
			continue
		}
		output, err := a.ask(ctx, m, fmt.Sprintf("sudo tail -c %d %s.log | tail -n 30", maxLog, file))
		if err != nil {
			output = "its output cannot be read: " + err.Error()
		}
		return scriptFault(script, code, strings.TrimSpace(output))
	}
	return nil
}

const (
	// maxOutput is how many bytes of a probe's output a fault has, at most.
	maxOutput = 2000
	// maxLog is how many bytes at the end of a script's output a fault has, at most.
	maxLog = 8000
)

// scriptFault is the fault of a guest's script that failed. code is the content of its status file.
func scriptFault(script, code, output string) *vm.Fault {
	code, output = fmt.Sprintf("%.20s", code), output[max(0, len(output)-maxLog):]
	number, err := strconv.Atoi(code)
	if err != nil {
		number = -1 // no number, but a failure
	}
	return &vm.Fault{
		Kind: vm.FaultScript, Field: script, ExitCode: number, Output: output,
		Text: fmt.Sprintf("the guest's %s script failed with exit code %s: %s", script, code, output),
	}
}

// probe repeats a probe until it passes, or ctx ends.
func (a *agent) probe(ctx context.Context, m *machineProcess, i int, probe template.Probe) error {
	var last result
	for {
		output := &bounded.Buffer{Limit: 2 * maxOutput}
		code, err := a.run(ctx, m, sshx.Command{
			Line: probeLine(m.template.Variables()), Stdin: strings.NewReader(probe.Script), Stdout: output, Stderr: output,
		})
		switch {
		case err == nil && code == 0:
			return nil
		case err == nil:
			last = result{ended: true, code: code, output: fmt.Sprintf("%.*s", maxOutput, bytes.TrimSpace(output.Bytes()))}
		}
		select {
		case <-ctx.Done():
			return probeFault(i, probe, last)
		case <-time.After(probePause):
		}
	}
}

// result is how a program in the guest ended, if it did.
type result struct {
	ended  bool
	code   int
	output string
}

func (r result) String() string {
	if !r.ended {
		return ""
	}
	return fmt.Sprintf("exit code %d: %s", r.code, r.output)
}

// probeFault is the fault of a probe that has not passed, with its last result.
func probeFault(i int, probe template.Probe, last result) *vm.Fault {
	field := fmt.Sprintf("probes[%d]", i)
	return &vm.Fault{
		Kind: vm.FaultProbe, Field: field, Hint: probe.Hint, ExitCode: last.code, Output: last.output,
		Text: fmt.Sprintf("%s (%s) has not passed: %s; %s", field, probe.Description, last, probe.Hint),
	}
}
