// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/bounded"
	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/regular"
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

// tcg emulates all CPU features that QEMU can, except five-level page tables, which only make
// address translation slower.
var tcg = Accelerator{Name: TCG, CPU: "max,la57=off"}

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
	// the host's own kernel is.
	Kernel, Initrd string
	// CacheDir keeps the result of the trial, until the host's kernel, its CPU or QEMU change.
	CacheDir string
	Log      *slog.Logger
	// probe replaces tryBoot in tests.
	probe func(context.Context, Accelerator) (probeResult, error)
}

// ParseOverride checks the value of RDD_VM_ACCEL.
func ParseOverride(s string) error {
	switch s {
	case "", "auto", KVM, TCG:
		return nil
	}
	return fmt.Errorf("unknown accelerator %q; valid values: auto, %s, %s", s, KVM, TCG)
}

// cached is the content of the cache file.
type cached struct {
	Key         string      `json:"key"`
	Accelerator Accelerator `json:"accelerator"`
	Reason      string      `json:"reason"`
	At          time.Time   `json:"at"`
}

// Choose returns the accelerator to use. Where KVM was not tried with this kernel, CPU and QEMU
// yet, it boots a kernel under KVM: some hosts let /dev/kvm be opened, and even machines be
// created, and hang every guest. That takes up to 8 seconds for each CPU model.
func (c Chooser) Choose(ctx context.Context) (Accelerator, error) {
	switch c.Override {
	case TCG:
		return tcg, nil
	case KVM:
		return kvmModels[0], nil
	}
	if err := kvmUsable(); err != nil {
		// Not cached: permissions of the device may change.
		c.Log.Info("KVM is not usable; guests are emulated", "reason", err)
		return tcg, nil
	}
	key, err := c.key(ctx)
	if err != nil {
		return Accelerator{}, err
	}
	if known, ok := c.load(key); ok {
		return known, nil
	}
	trial, ok := c.trial("/")
	if !ok {
		// Not cached: the next image may be one to try it with.
		c.Log.Warn("there is no kernel to try KVM with; if the guest hangs, set RDD_VM_ACCEL=tcg")
		return kvmModels[0], nil
	}
	chosen, reason, err := c.try(ctx, trial)
	if err != nil {
		return Accelerator{}, err
	}
	c.Log.Info("tried KVM", "accelerator", chosen.Name, "cpu", chosen.CPU, "reason", reason)
	return chosen, c.store(cached{Key: key, Accelerator: chosen, Reason: reason, At: time.Now()})
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
	var reasons []string
	for _, candidate := range kvmModels {
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
	return tcg, strings.Join(reasons, "; "), nil
}

// key changes with everything that decides whether KVM works.
func (c Chooser) key(ctx context.Context) (string, error) {
	version, err := c.Program.Version(ctx)
	if err != nil {
		return "", err
	}
	kernel, err := os.ReadFile("/proc/version")
	if err != nil {
		return "", fmt.Errorf("reading the host's kernel version: %w", err)
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\n%s\n%s\n", version, kernel, cpuModel())
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// cpuModel is the host's CPU model as the kernel names it.
func cpuModel() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for line := range bytes.Lines(info) {
		if name, value, ok := strings.Cut(string(line), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func (c Chooser) file() string { return filepath.Join(c.CacheDir, "accelerator.json") }

// load returns the cached result; one that cannot be read counts as none.
func (c Chooser) load(key string) (Accelerator, bool) {
	known, err := c.read()
	if err != nil || known.Key != key || known.Accelerator.Name == "" {
		return Accelerator{}, false
	}
	return known.Accelerator, true
}

func (c Chooser) read() (cached, error) {
	var known cached
	data, err := regular.ReadFile(c.file())
	if err != nil {
		return cached{}, err
	}
	return known, json.Unmarshal(data, &known)
}

func (c Chooser) store(result cached) error {
	data, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return fmt.Errorf("keeping the choice of accelerator: %w", err)
	}
	if err := os.MkdirAll(c.CacheDir, 0o700); err != nil {
		return fmt.Errorf("keeping the choice of accelerator: %w", err)
	}
	return atomicfile.Write(c.file(), append(data, '\n'), 0o600)
}

// probeTimeout is plenty: with a working KVM it takes a second.
const probeTimeout = 8 * time.Second

// probeResult is the result of a trial. A machine that prints nothing has hung; one that QEMU
// refused to run has not.
type probeResult struct {
	works, hung bool
	reason      string
}

// tryBoot boots a kernel until the marker is printed.
func (c Chooser) tryBoot(ctx context.Context, t trial, a Accelerator) (probeResult, error) {
	deadline, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	console := &watcher{marker: []byte(t.marker), found: cancel}
	stderr := &bounded.Buffer{Limit: 4 << 10} // the kernel may be anybody's
	err := process.Run(deadline, process.Command{Path: c.Program.System, Stdout: console, Stderr: stderr, Args: append([]string{
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-accel", a.qemu(), "-cpu", a.CPU, "-m", "256M",
		"-chardev", "stdio,id=serial0,signal=off", "-serial", "chardev:serial0",
	}, t.args...)})
	switch {
	case ctx.Err() != nil:
		return probeResult{}, ctx.Err()
	case console.seen:
		return probeResult{works: true, reason: "a guest boots"}, nil
	case errors.Is(deadline.Err(), context.DeadlineExceeded):
		return probeResult{hung: true, reason: fmt.Sprintf("a guest hangs: no sign of life in %s", probeTimeout)}, nil
	default:
		return probeResult{reason: fmt.Sprintf("QEMU ended (%v): %.300s", err, bytes.TrimSpace(stderr.Bytes()))}, nil
	}
}

// watcher is a writer that calls found when a line begins with the marker.
type watcher struct {
	marker []byte
	found  func()
	seen   bool
	line   []byte
}

// Write implements io.Writer. The marker counts at the beginning of a line only: a kernel may print
// its command line.
func (w *watcher) Write(p []byte) (int, error) {
	for _, b := range p {
		if b == '\n' || b == '\r' {
			w.line = w.line[:0]
			continue
		}
		if len(w.line) <= len(w.marker) {
			w.line = append(w.line, b)
		}
		if !w.seen && bytes.Equal(w.line, w.marker) {
			w.seen = true
			w.found()
		}
	}
	return len(p), nil
}
