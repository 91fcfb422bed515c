// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/cli/why/explain"
	"rancherdesktop.io/rdd/internal/client"
	"rancherdesktop.io/rdd/internal/daemon/settings"
	"rancherdesktop.io/rdd/internal/hostconfig"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/protocol"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

const (
	// consoleLines of the guest's console are shown, phaseLines of the hostagent's events read.
	consoleLines, phaseLines = 12, 40
	// logWords are how many errors of the daemon's log are shown when it is down.
	logWords = 3
	// logTailBytes is how far back a log is read.
	logTailBytes = 64 << 10
)

// gather collects what there is to know about the App, or about the LimaVM name. It starts nothing, and
// what cannot be asked is a fact of its own.
func gather(ctx context.Context, s *session.Session, name string) (*explain.Facts, error) {
	inst, err := s.Instance()
	if err != nil {
		return nil, err
	}
	f := &explain.Facts{Now: time.Now(), Instance: inst.Name, VMName: name, AboutApp: name == ""}
	if f.AboutApp {
		f.VMName = appv1.LimaVMName
	}
	if problems := validation.IsDNS1123Label(f.VMName); len(problems) > 0 {
		return nil, fmt.Errorf("%q is no name of a LimaVM: %s", f.VMName, problems[0])
	}
	if f.InstanceExists, err = s.InstanceExists(); err != nil || !f.InstanceExists {
		return f, err
	}
	gatherDaemon(ctx, s, inst, f)
	gatherDirectory(vmdir.In(inst.LimaHome(), f.VMName), f)
	return f, nil
}

// gatherDaemon asks the daemon, and how it is when it does not answer.
func gatherDaemon(ctx context.Context, s *session.Session, inst instance.Instance, f *explain.Facts) {
	if arguments, exists, err := settings.Load(inst); err == nil && exists {
		if enabled, err := settings.Select(arguments.Controllers, s.Controllers); err == nil {
			f.Daemon.Disabled = slices.DeleteFunc(slices.Clone(s.Controllers), func(name string) bool { return slices.Contains(enabled, name) })
		}
	}
	state, _, err := client.Find(inst)
	f.Daemon.Changing = state == client.Changing
	if err == nil && state == client.Running {
		f.Daemon.Running = true
		err = gatherObjects(ctx, s, inst, f)
	}
	if err != nil {
		f.Daemon.Problem = err.Error()
	}
	if !f.Daemon.Running && !f.Daemon.Changing {
		f.Daemon.LastWords = lastErrors(client.LogFile(inst))
	}
}

func gatherObjects(ctx context.Context, s *session.Session, inst instance.Instance, f *explain.Facts) error {
	c, err := s.Reconnect(ctx)
	if err != nil {
		return err
	}
	if f.App, err = resource.App(ctx, c); err != nil {
		return err
	}
	if f.VM, err = resource.LookupVM(ctx, c, f.VMName); err != nil {
		return err
	}
	var uids []types.UID
	if f.AboutApp && f.App != nil {
		uids = append(uids, f.App.UID)
		if resource.SettledRunning(f.App) && f.App.Spec.ContainerEngine.Name == appv1.EngineMoby {
			answers := hostconfig.Answers(ctx, "unix", inst.DockerSocket())
			f.Docker = &answers
		}
	}
	if f.VM != nil {
		uids = append(uids, f.VM.UID)
	}
	f.Events, err = resource.EventsOf(ctx, c, uids)
	return err
}

// gatherDirectory reads the instance directory.
func gatherDirectory(dir vmdir.Dir, f *explain.Facts) {
	record, err := dir.ReadRecord()
	d := explain.Directory{Path: string(dir), Exists: !errors.Is(err, fs.ErrNotExist)}
	d.Foreign = errors.Is(err, vmdir.ErrForeign)
	d.Damaged = err != nil && d.Exists && !d.Foreign
	d.OwnerUID, d.OwnerNamespace, d.OwnerName = record.Owner.UID, record.Owner.Namespace, record.Owner.Name
	if err == nil && (f.VM == nil || string(f.VM.UID) == record.Owner.UID) {
		// What cannot be read is left out: it is an addition to what the API says.
		d.Machine, _ = resource.MachineRuns(dir)
		if run, err := dir.ReadRun(); err == nil && d.Machine && run.Phase != vm.PhaseRunning {
			d.StepSince = run.Progress.Since
		}
		f.Phases = phases(dir.HostagentStdout())
		f.Console, f.ConsoleTime = console(dir.Serial())
	}
	f.Directory = d
}

// phases reads the hostagent's events: those in which the machine got to another phase or step. Lines that are
// no events, as of a write that was cut off, are left out.
func phases(path string) []explain.Phase {
	var all []explain.Phase
	last := ""
	for line := range strings.Lines(endOf(path)) {
		var event protocol.Event
		if json.Unmarshal([]byte(line), &event) != nil || event.Time.IsZero() {
			continue
		}
		if text := phaseText(event); text != last && text != "" {
			all = append(all, explain.Phase{Time: event.Time, Text: text})
			last = text
		}
	}
	return all[max(0, len(all)-phaseLines):]
}

func phaseText(e protocol.Event) string {
	text := e.Phase
	if p := e.Progress; p != nil && p.Step != "" {
		text += ": " + p.Step
		if p.Total > 0 {
			text += fmt.Sprintf(" %d/%d", p.Index, p.Total)
		}
	}
	if len(e.Status.Errors) > 0 {
		text += ": " + explain.FirstLine(strings.Join(e.Status.Errors, "; "))
	}
	return text
}

// console reads the last lines of the guest's console, without what is for terminals only.
func console(path string) ([]string, time.Time) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, time.Time{}
	}
	var lines []string
	for line := range strings.Lines(session.Printable(endOf(path))) {
		if line = strings.TrimRight(line, " \n"); line != "" {
			lines = append(lines, line)
		}
	}
	return lines[max(0, len(lines)-consoleLines):], info.ModTime()
}

// lastErrors reads the last errors of a daemon's log.
func lastErrors(path string) []string {
	var errs []string
	for line := range strings.Lines(endOf(path)) {
		if strings.Contains(line, "level=ERROR") || strings.HasPrefix(line, "Error:") || strings.HasPrefix(line, "panic:") {
			errs = append(errs, strings.TrimSpace(line))
		}
	}
	return errs[max(0, len(errs)-logWords):]
}

// endOf returns the whole lines at the end of a file; nothing when it cannot be read.
func endOf(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	reader := bufio.NewReader(f)
	if _, err := f.Seek(-logTailBytes, io.SeekEnd); err == nil {
		_, _ = reader.ReadString('\n') // cut off
	}
	data, err := io.ReadAll(io.LimitReader(reader, logTailBytes))
	if err != nil {
		return ""
	}
	return strings.ToValidUTF8(string(data), "")
}
