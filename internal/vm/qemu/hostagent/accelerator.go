// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"cmp"
	"context"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/machine"
	"rancherdesktop.io/rdd/internal/vm/template"
)

func (a *agent) chooser(program machine.Program) machine.Chooser {
	trial := a.record.Machine.TrialKernel()
	return machine.Chooser{
		Program: program, Override: a.Accelerator, Kernel: trial.Kernel, Initrd: trial.Initrd, CacheDir: a.CacheDir, Log: a.Log,
	}
}

// accelerator chooses, and keeps the CPU model that the machine was made with unless the template
// has one.
func (a *agent) accelerator(ctx context.Context, c machine.Chooser, t *template.Template) (machine.Accelerator, error) {
	chosen, err := c.Choose(ctx)
	if err == nil && chosen.Name == a.record.Machine.Accelerator {
		chosen.CPU = a.record.Machine.CPU
	}
	chosen.CPU = cmp.Or(t.CPUModel(), chosen.CPU)
	return chosen, err
}

// chooseAgain chooses another accelerator when QEMU has not started under KVM: what was remembered
// of KVM may not be true any more. It returns the error of the start when there is no other.
func (a *agent) chooseAgain(ctx context.Context, plan launchPlan, failed error) (machine.Accelerator, error) {
	if failed == nil || plan.accelerator.Name != machine.KVM || vm.FaultOf(failed).Kind != vm.FaultBoot || ctx.Err() != nil {
		return plan.accelerator, failed
	}
	c := a.chooser(plan.program)
	c.Again = true
	chosen, err := a.accelerator(ctx, c, plan.template)
	if err != nil || chosen == plan.accelerator {
		return plan.accelerator, failed
	}
	a.Log.Warn("QEMU has not started; trying another accelerator", "accelerator", chosen.Name, "error", failed)
	return chosen, nil
}

// distrust remembers that the guest has not come up in time, if that may be KVM's fault.
func (a *agent) distrust(m *machineProcess) {
	if m.accelerator.Name != machine.KVM || a.state.get().WasRunning {
		return
	}
	program, err := machine.Find(a.record.Machine.Arch)
	if err != nil {
		a.Log.Warn("judging the accelerator", "error", err)
		return
	}
	doubted, err := a.chooser(program).Distrust(context.Background(), "a guest has not let us in in time")
	if err != nil {
		a.Log.Warn("judging the accelerator", "error", err)
	}
	if doubted {
		a.Log.Warn("the guest has not booted, and KVM could not be tried with a kernel before: the next start emulates it")
	}
}

// advise adds to a fault of booting that the accelerator may be the cause.
func (a *agent) advise(fault *vm.Fault) *vm.Fault {
	if fault.Kind == vm.FaultBoot && fault.Hint == "" {
		fault.Hint = machine.Advice(a.state.get().Accelerator, a.Accelerator)
	}
	return fault
}
