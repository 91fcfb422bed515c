// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"rancherdesktop.io/rdd/internal/sshx"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

const (
	// unitsPause is the pause between two looks at the guest's units: one costs an emulated guest
	// about a tenth of a second.
	unitsPause = 20 * time.Second
	// unitsTimeout bounds one look.
	unitsTimeout = time.Minute
)

// neededUnits are the units without which a guest is of no use, in the images of rdd and of others.
// Which of them a guest has is its own affair.
func neededUnits() []string {
	return []string{
		"containerd.service", "docker.service", "docker.socket", "rdd-names.service", "ssh.service", "sshd.service", "ssh.socket",
		"dbus.service", "dbus.socket", "dbus-broker.service", "systemd-journald.service", "systemd-logind.service", "systemd-udevd.service",
		"systemd-networkd.service", "systemd-resolved.service", "NetworkManager.service",
	}
}

// unitsCommand is a shell line that writes the state of the needed units, as parseUnits reads it.
// It writes nothing in a guest without systemd. Where D-Bus has failed only root can ask.
func unitsCommand() string {
	show := sshx.Quote(append([]string{
		"systemctl", "show", "--property=Id,LoadState,ActiveState,SubState,Result,ExecMainCode,ExecMainStatus,NRestarts", "--",
	}, neededUnits()...)...)
	return "[ ! -d /run/systemd/system ] || " + show + " 2>/dev/null || sudo -n " + show
}

// unit is the state of a unit by systemd's properties (org.freedesktop.systemd1(5)).
type unit map[string]string

// maxValue is how many bytes of a property's value are taken from a guest.
const maxValue = 40

// parseUnits reads the output of unitsCommand: a block of lines NAME=VALUE for each unit, without
// those that the guest does not have. A unit with several names is there once. What nobody asked
// for is left out.
func parseUnits(output string) map[string]unit {
	units, needed := map[string]unit{}, neededUnits()
	for block := range strings.SplitSeq(output, "\n\n") {
		u := unit{}
		for line := range strings.Lines(block) {
			if name, value, found := strings.Cut(strings.TrimSpace(line), "="); found {
				u[name] = value[:min(len(value), maxValue)]
			}
		}
		if slices.Contains(needed, u["Id"]) && u["LoadState"] != "not-found" && u["LoadState"] != "masked" {
			units[u["Id"]] = u
		}
	}
	return units
}

// restarts is how often systemd has started the unit again.
func (u unit) restarts() int {
	n, _ := strconv.Atoi(u["NRestarts"]) // a socket has none
	return n
}

// failing reports whether the unit has failed, or fails again and again. before is its state at the
// look before this one; wasFailing is the answer for that. A unit that somebody has stopped has not
// failed.
func (u unit) failing(before unit, wasFailing bool) bool {
	switch {
	case u["LoadState"] == "error", u["LoadState"] == "bad-setting", u["ActiveState"] == "failed":
		return true
	case strings.HasPrefix(u["SubState"], "auto-restart"):
		return true
	case u["ActiveState"] == "activating" && wasFailing:
		return true
	}
	return before != nil && u.restarts() > before.restarts()+1
}

// reason says for people why the unit fails; empty when systemd does not say.
func (u unit) reason() string {
	switch result := u["Result"]; {
	case u["LoadState"] == "error", u["LoadState"] == "bad-setting":
		return "its file cannot be read"
	case result == "exit-code":
		return "exit code " + u["ExecMainStatus"]
	case result == "signal", result == "core-dump":
		return "ended by signal " + u["ExecMainStatus"]
	case result == "timeout":
		return "it takes too long"
	case result == "oom-kill":
		return "out of memory"
	case result == "success":
		return ""
	default:
		return result
	}
}

// unitWatch knows the guest's units at the last look.
type unitWatch struct {
	units   map[string]unit
	failing []vm.FailedUnit // by name
}

// look takes the state of the guest's units, and returns those that fail. The reason of one that is
// just being started again is the one it had.
func (w *unitWatch) look(units map[string]unit) []vm.FailedUnit {
	var failing []vm.FailedUnit
	for name, u := range units {
		before := slices.IndexFunc(w.failing, func(f vm.FailedUnit) bool { return f.Name == name })
		if !u.failing(w.units[name], before >= 0) {
			continue
		}
		f := vm.FailedUnit{Name: name, Reason: u.reason()}
		if f.Reason == "" && before >= 0 {
			f.Reason = w.failing[before].Reason
		}
		failing = append(failing, f)
	}
	slices.SortFunc(failing, func(a, b vm.FailedUnit) int { return cmp.Compare(a.Name, b.Name) })
	w.units, w.failing = units, failing
	return failing
}

// watchUnits records which units of the guest fail, until the machine ends. A guest that cannot be
// asked keeps those that are known.
func (a *agent) watchUnits(m *machineProcess) {
	var watch unitWatch
	logged := ""
	for {
		output, err := a.askUnits(m)
		switch {
		case m.ctx.Err() != nil || m.hasEnded():
			return
		case err == nil:
			logged = ""
			a.setFailedUnits(watch.look(parseUnits(output)))
		case err.Error() != logged:
			logged = err.Error()
			a.Log.Warn("asking for the guest's units", "error", err)
		}
		select {
		case <-m.ctx.Done():
			return
		case <-m.ended:
			return
		case <-time.After(unitsPause):
		}
	}
}

func (a *agent) askUnits(m *machineProcess) (string, error) {
	ctx, cancel := context.WithTimeout(m.ctx, unitsTimeout)
	defer cancel()
	return a.askOnce(ctx, m, unitsCommand())
}

// failing is what fails in the guest, by who finds it out.
type failing struct {
	mu            sync.Mutex
	units, mounts []vm.FailedUnit
}

// setFailedUnits records the units that fail.
func (a *agent) setFailedUnits(units []vm.FailedUnit) {
	a.setFailing(func(f *failing) { f.units = units })
}

// setFailedMounts records the mounts that are lost.
func (a *agent) setFailedMounts(mounts []vm.FailedUnit) {
	a.setFailing(func(f *failing) { f.mounts = mounts })
}

// setFailing records what fails, if that is another thing than before.
func (a *agent) setFailing(change func(*failing)) {
	a.failing.mu.Lock()
	defer a.failing.mu.Unlock()
	change(&a.failing)
	failing := slices.Concat(a.failing.mounts, a.failing.units)
	before := a.state.get().FailedUnits
	if slices.Equal(before, failing) {
		return
	}
	for _, f := range failing {
		if !slices.Contains(before, f) {
			a.Log.Warn("a unit of the guest fails", "unit", f.Name, "reason", f.Reason)
		}
	}
	if len(failing) == 0 {
		a.Log.Info("all units of the guest that it needs are well")
	}
	a.state.update(func(run *vmdir.Run) { run.FailedUnits = failing })
}
