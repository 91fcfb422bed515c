// SPDX-License-Identifier: Apache-2.0

package process

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

var extraPath = []string{"/usr/local/sbin", "/usr/sbin", "/sbin"}

// Indexes into the fields of /proc/PID/stat that follow the command name (proc(5)).
const (
	statState     = 0
	statSession   = 3
	statStartTime = 19
)

// detach makes cmd the leader of a session of its own, so that it gets no signal of this one's
// terminal.
func detach(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	// Go opens everything close-on-exec. What this process's own parent left open is not, and would be
	// held for as long as the detached process lives.
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("keeping open files from the new process: %w", err)
	}
	return nil
}

// runTied runs cmd so that it dies with this process, by a parent-death signal. That is sent when
// the *thread* that forked ends, hence the lock (prctl(2), PR_SET_PDEATHSIG).
func runTied(cmd *exec.Cmd) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd.Run()
}

// Identify returns the identity of a living process. It returns ErrGone when there is none: a
// zombie counts as gone.
func Identify(pid int) (Identity, error) {
	if _, err := readStat(pid); err != nil {
		return Identity{}, err
	}
	return identifyAny(pid)
}

// identifyAny identifies a process, be it a zombie.
func identifyAny(pid int) (Identity, error) {
	stat, err := readAnyStat(pid)
	if err != nil {
		return Identity{}, err
	}
	start, err := strconv.ParseUint(stat[statStartTime], 10, 64)
	if err != nil {
		return Identity{}, fmt.Errorf("reading the start time of process %d: %w", pid, err)
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Identity{}, fmt.Errorf("reading the host's boot id: %w", err)
	}
	return Identity{PID: pid, StartTime: start, BootID: strings.TrimSpace(string(boot))}, nil
}

// Session returns the session id of a living process, else ErrGone.
func Session(pid int) (int, error) {
	stat, err := readStat(pid)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(stat[statSession])
}

// CommandLine returns the arguments of a process, its name first. It returns ErrGone when there is
// none; of a zombie it is empty.
func CommandLine(pid int) ([]string, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return nil, goneOr(pid, err)
	}
	return strings.Split(strings.TrimRight(string(data), "\x00"), "\x00"), nil
}

// readStat is readAnyStat, with ErrGone for a zombie.
func readStat(pid int) ([]string, error) {
	fields, err := readAnyStat(pid)
	if err == nil && (fields[statState] == "Z" || fields[statState] == "X") {
		return nil, fmt.Errorf("process %d: %w", pid, ErrGone)
	}
	return fields, err
}

// readAnyStat reads the fields of /proc/PID/stat that follow the command name.
func readAnyStat(pid int) ([]string, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, goneOr(pid, err)
	}
	// The command name, in parentheses, may hold anything: cut after the last one.
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(fields) <= statStartTime {
		return nil, fmt.Errorf("reading /proc/%d/stat: unexpected content", pid)
	}
	return fields, nil
}

// goneOr returns ErrGone when err says that there is no such process.
func goneOr(pid int, err error) error {
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("process %d: %w", pid, ErrGone)
	}
	return fmt.Errorf("looking at process %d: %w", pid, err)
}

// Alive reports whether the identified process exists and is no zombie. It is false as well when
// that cannot be found out.
func (id Identity) Alive() bool {
	now, err := Identify(id.PID)
	return err == nil && now == id
}

// Stopped reports whether a signal has stopped the identified process, as SIGSTOP does. It returns
// ErrGone when the process has ended.
func (id Identity) Stopped() (bool, error) {
	stat, err := readStat(id.PID)
	if err != nil {
		return false, err
	}
	if !id.Alive() {
		return false, fmt.Errorf("process %d: %w", id.PID, ErrGone)
	}
	return stat[statState] == "T", nil
}

// Signal sends a signal to exactly the identified process. It goes through a pidfd, whose identity
// is verified after it was opened, so a PID that is used again is never hit. It returns ErrGone
// when the process has ended.
func (id Identity) Signal(sig syscall.Signal) error {
	fd, err := unix.PidfdOpen(id.PID, 0)
	if errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("process %d: %w", id.PID, ErrGone)
	}
	if err != nil {
		return fmt.Errorf("opening process %d: %w", id.PID, err)
	}
	defer func() { _ = unix.Close(fd) }()
	if !id.Alive() {
		return fmt.Errorf("process %d: %w", id.PID, ErrGone)
	}
	if err := unix.PidfdSendSignal(fd, sig, nil, 0); errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("process %d: %w", id.PID, ErrGone)
	} else if err != nil {
		return fmt.Errorf("signalling process %d: %w", id.PID, err)
	}
	return nil
}
