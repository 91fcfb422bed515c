// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"
)

// Accelerators.
const (
	KVM = "kvm"
	TCG = "tcg"
)

// Accelerator is what runs the guest's instructions, and the CPU model that goes with it.
type Accelerator struct {
	Name string `json:"name"`
	CPU  string `json:"cpu"`
}

// kvmModels are tried in order; a model that makes QEMU end at once is skipped.
var kvmModels = []Accelerator{{Name: KVM, CPU: "host"}, {Name: KVM, CPU: "qemu64"}}

// qemu returns the value of QEMU's option -accel.
func (a Accelerator) qemu() string {
	if a.Name == TCG {
		return "tcg,thread=multi"
	}
	return a.Name
}

// Emulated reports whether guests run slowly, so that timeouts have to be longer.
func (a Accelerator) Emulated() bool { return a.Name == TCG }

// Chooser finds the accelerator that works on this host.
type Chooser struct {
	Program Program
	// Override is "kvm" or "tcg"; empty or "auto" chooses.
	Override string
	// Kernel and Initrd, which must hold /bin/busybox, are booted to try an accelerator; without them
	// the host's own kernel is, and else QEMU's firmware.
	Kernel, Initrd string
	// Again has it tried whatever the result was before.
	Again bool
	// CacheDir keeps the result of the trial, until the host's kernel, its CPU or QEMU change.
	CacheDir string
	Log      *slog.Logger
	// timeout replaces probeTimeout, and probe tryBoot, in tests.
	timeout time.Duration
	probe   func(context.Context, Accelerator) (probeResult, error)
}

// ParseOverride checks the value of RDD_VM_ACCEL.
func ParseOverride(s string) error {
	switch s {
	case "", "auto", KVM, TCG:
		return nil
	}
	return fmt.Errorf("unknown accelerator %q; valid values: auto, %s, %s", s, KVM, TCG)
}

// Choose returns the accelerator to use. Guests of another architecture than the host's are
// emulated, whatever Override says.
//
// Where KVM was not tried with this kernel, CPU and QEMU, it boots a kernel under KVM: some hosts
// let /dev/kvm be opened, and even machines be created, and hang every guest. That takes up to 8
// seconds for each CPU model. Without a kernel QEMU's firmware is booted, which shows less: it is
// tried again once there is a kernel.
func (c Chooser) Choose(ctx context.Context) (Accelerator, error) {
	switch {
	case c.Override == TCG, Foreign(c.Program.Arch):
		return emulation(c.Program.Arch), nil
	case c.Override == KVM:
		return kvmModels[0], nil
	}
	if err := kvmUsable(); err != nil {
		// Not cached: permissions of the device may change.
		c.Log.Info("KVM is not usable; guests are emulated", "reason", err)
		return emulation(c.Program.Arch), nil
	}
	key, err := c.key(ctx)
	if err != nil {
		return Accelerator{}, err
	}
	trial := c.trial("/")
	if known, ok := c.load(key); ok && !c.Again && (trial.weak || !known.Weak) {
		return known.Accelerator, nil
	}
	chosen, reason, err := c.try(ctx, trial)
	if err != nil {
		return Accelerator{}, err
	}
	c.Log.Info("tried KVM", "accelerator", chosen.Name, "cpu", chosen.CPU, "reason", reason)
	return chosen, c.store(cached{Key: key, Accelerator: chosen, Weak: trial.weak, Reason: reason, At: time.Now()})
}

// Distrust remembers that a guest has not come up under KVM, unless a kernel has before. It reports
// whether it did: the next machine is emulated then.
func (c Chooser) Distrust(ctx context.Context, reason string) (bool, error) {
	if c.Override == KVM || c.Override == TCG {
		return false, nil
	}
	key, err := c.key(ctx)
	if err != nil {
		return false, err
	}
	known, ok := c.load(key)
	if !ok || !known.Weak || known.Accelerator.Name != KVM {
		return false, nil
	}
	return true, c.store(cached{Key: key, Accelerator: emulation(c.Program.Arch), Weak: true, Reason: reason, At: time.Now()})
}

// kvmUsable opens the device as QEMU will.
func kvmUsable() error {
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

// try boots with each CPU model until one works or hangs. The reason covers all that were tried.
func (c Chooser) try(ctx context.Context, t trial) (Accelerator, string, error) {
	probe := c.probe
	if probe == nil {
		probe = func(ctx context.Context, a Accelerator) (probeResult, error) { return c.tryBoot(ctx, t, a) }
	}
	models := kvmModels
	if t.weak {
		models = models[:1] // firmware runs with a model that Linux hangs with
	}
	var reasons []string
	for _, candidate := range models {
		result, err := probe(ctx, candidate)
		if err != nil {
			return Accelerator{}, "", fmt.Errorf("trying %s: %w", candidate.Name, err)
		}
		reasons = append(reasons, candidate.CPU+": "+result.reason)
		if result.works {
			return candidate, strings.Join(reasons, "; "), nil
		}
		if result.hung {
			break
		}
	}
	return emulation(c.Program.Arch), strings.Join(reasons, "; "), nil
}
