// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/regular"
	"rancherdesktop.io/rdd/internal/textfile"
)

// crashLogBytes is how much of the end of a log is searched for the cause of a crash, in bytes. The
// runtime writes a stack for each goroutine below it.
const crashLogBytes = 2 << 20

// crashLine matches the line by which a Go program says why it ends at once: klog's of severity
// fatal, an unrecovered panic, or an error of the runtime. They have that form
// in a log as JSON, too.
var crashLine = regexp.MustCompile(`(?m)^(?:F\d{4} \S+ +\d+ [^\]\n]+\] (.+)|((?:panic|fatal error): .+|SIG[A-Z]+: .+))$`)

// CrashCause returns the line of a log by which a program said why it ended at once; "" when there
// is none.
func CrashCause(log string) string {
	found := crashLine.FindStringSubmatch(log)
	if found == nil {
		return ""
	}
	return strings.TrimSpace(found[1] + found[2])
}

// Crashed returns why the last daemon of an instance ended, when it did so without stopping in
// order: it was killed, it crashed, or the computer went off. It returns nil when it stopped, and
// is for an instance whose daemon does not run. What the daemon itself has saved is LastFailure.
func Crashed(inst instance.Instance) []string {
	pid := leftPID(inst)
	if pid == 0 {
		return nil
	}
	log, err := textfile.LinesSince(LogFile(inst), 0, crashLogBytes)
	if err != nil {
		log = ""
	}
	// What is in the log before that daemon's own lines is of others.
	log = log[lastOf(log, pid):]
	if cause := CrashCause(log); cause != "" {
		return []string{fmt.Sprintf("the last daemon (process %d) crashed: %s", pid, cause)}
	}
	return []string{fmt.Sprintf("the last daemon (process %d) did not stop in order: it was killed, or the computer went off", pid)}
}

// lastOf returns where in a log, as text or as JSON, the last line is that names this PID as the
// daemon's; 0 when there is none.
func lastOf(log string, pid int) int {
	asText := strings.LastIndex(log, " "+PIDKey+"="+strconv.Itoa(pid)+" ")
	asJSON := strings.LastIndex(log, `"`+PIDKey+`":`+strconv.Itoa(pid)+",")
	return max(asText, asJSON, 0)
}

// PIDKey is the key of the daemon's PID in the lines of its log that say how far its start is.
const PIDKey = "pid"

// leftPID is the PID in the files that a daemon removes when it stops; 0 when they are not there.
func leftPID(inst instance.Instance) int {
	if record, exists, err := ReadRecord(inst); err == nil && exists {
		return record.Process.PID
	}
	data, err := regular.ReadFile(inst.PIDFile())
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || pid <= 0 {
		return 0
	}
	return pid
}
