// SPDX-License-Identifier: Apache-2.0

package why

import (
	"fmt"
	"os"
	"time"

	"rancherdesktop.io/rdd/internal/cli/why/explain"
	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/logfile"
	"rancherdesktop.io/rdd/internal/textfile"
	"rancherdesktop.io/rdd/internal/vm"
)

const (
	// consoleLines and phaseLines limit what is shown of the guest's console and of its history.
	consoleLines, phaseLines = 12, 40
	// logTailBytes is how much of the end of a log is read, in bytes.
	logTailBytes = 64 << 10
)

// phases returns the last steps of a machine's history as text, without repetitions.
func phases(steps []vm.Step) []explain.Phase {
	var all []explain.Phase
	last := ""
	for _, step := range steps {
		if text := stepText(step); text != last && text != "" {
			all = append(all, explain.Phase{Time: step.Time, Text: text})
			last = text
		}
	}
	return all[max(0, len(all)-phaseLines):]
}

func stepText(step vm.Step) string {
	text := string(step.Phase)
	if step.Name != "" {
		text += ": " + step.Name
		if step.Total > 0 {
			text += fmt.Sprintf(" %d/%d", step.Index, step.Total)
		}
	}
	if step.Failure != "" {
		text += ": " + explain.FirstLine(step.Failure)
	}
	return text
}

// console reads the last lines of the guest's console, without terminal control sequences, and when
// the last was written.
func console(path string) ([]string, time.Time) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, time.Time{}
	}
	lines, err := logfile.EndLines(path, logTailBytes)
	if err != nil {
		return nil, time.Time{}
	}
	return textfile.LastLines(textfile.Printable(lines), consoleLines), info.ModTime()
}

// lastFailure returns the lines that say why the daemon failed last; none when it has been ready
// since, and has stopped in order.
func lastFailure(inst instance.Instance) []string {
	failure, err := presence.LastFailure(inst)
	switch {
	case err != nil:
		return []string{err.Error()}
	case failure == nil:
		return presence.Crashed(inst)
	default:
		return failure.Lines
	}
}

// lastFailureTime completes lastFailure, as what is old may be over: a sentence with the time of
// the failure, if it is known.
func lastFailureTime(inst instance.Instance) []string {
	failure, err := presence.LastFailure(inst)
	if err != nil || failure == nil {
		return nil
	}
	return []string{"That was at " + failure.Time.Local().Format(time.DateTime) + "."}
}
