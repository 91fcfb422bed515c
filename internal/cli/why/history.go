// SPDX-License-Identifier: Apache-2.0

package why

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/cli/why/explain"
	"rancherdesktop.io/rdd/internal/vm/qemu/protocol"
)

const (
	// consoleLines of the guest's console are shown, phaseLines of the hostagent's events read.
	consoleLines, phaseLines = 12, 40
	// logWords are how many errors of the daemon's log are shown when it is down.
	logWords = 3
	// logTailBytes is how far back a log is read.
	logTailBytes = 64 << 10
)

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
