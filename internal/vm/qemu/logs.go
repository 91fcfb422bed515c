// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"fmt"
	"time"

	"rancherdesktop.io/rdd/internal/logfile"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// logFile is a log of an instance directory.
type logFile struct {
	vm.LogKind
	path func(vmdir.Dir) string
}

// logFiles lists the logs, the most useful first.
func logFiles() []logFile {
	return []logFile{
		{vm.LogKind{Name: vm.LogHostagent, About: "what rdd does for the machine"}, vmdir.Dir.HostagentStderr},
		{vm.LogKind{Name: vm.LogSerial, About: "the guest's console of the last start", Boot: true}, vmdir.Dir.Serial},
		{vm.LogKind{Name: "events", About: "the machine's phases as JSON lines"}, vmdir.Dir.HostagentStdout},
		{vm.LogKind{Name: "qemu", About: "QEMU's own messages of the last start", Boot: true}, vmdir.Dir.QEMULog},
	}
}

const (
	// logInterval is how often the daemon checks the sizes of the logs that QEMU writes.
	logInterval = 10 * time.Second
	// orphanLog is the size in bytes beyond which it rotates them. The hostagent does so before,
	// unless it hangs.
	orphanLog = 2 * vmdir.MaxLog
)

// rotateLogs rotates the logs of machines whose hostagent does not.
func (e *Engine) rotateLogs() {
	names, err := e.home.Instances()
	if err != nil {
		e.config.Log.Error("rotating logs", "error", err)
		return
	}
	for _, name := range names {
		dir := e.instance(name).dir
		if _, err := dir.ReadRecord(); err != nil {
			continue // not ours, or Observe says what is wrong
		}
		for _, path := range []string{dir.Serial(), dir.QEMULog()} {
			if _, err := logfile.CopyTruncate(path, orphanLog); err != nil {
				e.config.Log.Warn("rotating a log of QEMU", "instance", name, "error", err)
			}
		}
	}
}

// LogKinds implements vm.LogFinder.
func (e *Engine) LogKinds() []vm.LogKind {
	var kinds []vm.LogKind
	for _, file := range logFiles() {
		kinds = append(kinds, file.LogKind)
	}
	return kinds
}

// LogFile implements vm.LogFinder.
func (e *Engine) LogFile(_ context.Context, name, kind string) (string, error) {
	i := e.instance(name)
	if err := i.existing(); err != nil {
		return "", err
	}
	for _, file := range logFiles() {
		if file.Name == kind {
			return file.path(i.dir), nil
		}
	}
	return "", fmt.Errorf("instance %s: there is no kind of log %q", name, kind)
}
