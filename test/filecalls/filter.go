// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package filecalls

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// notification of a system call (struct seccomp_notif).
type notification struct {
	id    uint64
	pid   uint32 // the thread's
	flags uint32
	nr    int32
	arch  uint32
	ip    uint64
	args  [6]uint64
}

// answer to a notification (struct seccomp_notif_resp).
type answer struct {
	id    uint64
	value int64
	errno int32
	flags uint32
}

// Offsets in struct seccomp_data. Of the arguments these are the lower halves.
const (
	nrOffset, archOffset = 0, 4
	arg0Offset           = 16
	arg2Offset           = 32
)

// wakes lists the eventfds of this process. Go's runtime wakes its network poller by writing one
// number to its own, and holds up the garbage collector meanwhile: a write that waits for the
// layer, which is Go as well, may wait for ever.
func wakes() ([]uint32, error) {
	// Makes sure that there is a poller.
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	links, err := filepath.Glob("/proc/self/fd/*")
	if err := errors.Join(err, r.Close(), w.Close()); err != nil {
		return nil, fmt.Errorf("looking at the open files: %w", err)
	}
	var found []uint32
	for _, link := range links {
		if to, err := os.Readlink(link); err != nil || to != "anon_inode:[eventfd]" {
			continue
		}
		fd, err := strconv.ParseUint(filepath.Base(link), 10, 32)
		if err != nil {
			return nil, fmt.Errorf("looking at the open files: %w", err)
		}
		found = append(found, uint32(fd))
	}
	return found, nil
}

// allowWake lets writes of a number to an eventfd pass. A process that is started may have another
// file there, of which writes of that length are missed.
func allowWake(fd uint32) []unix.SockFilter {
	const number = 8 // bytes
	return []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: nrOffset},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_WRITE, Jf: 5},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: arg0Offset},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: fd, Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: arg2Offset},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: number, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
}

// filter catches the calls of handlers, but for those that wake the runtime.
func filter(wakes []uint32) []unix.SockFilter {
	numbers := slices.Sorted(maps.Keys(handlers()))
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: archOffset},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: auditArch, Jt: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	for _, fd := range wakes {
		program = append(program, allowWake(fd)...)
	}
	program = append(program, unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: nrOffset})
	for _, nr := range numbers {
		program = append(program,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(nr), Jf: 1},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_USER_NOTIF})
	}
	return append(program, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
}

// install puts the filter on the calling thread, which must be locked, and returns the file that
// gets the notifications. Once one is received, the thread waits for the answer through signals:
// the Go runtime sends many.
func install() (listener int, err error) {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return -1, fmt.Errorf("giving up privileges: %w", err)
	}
	eventfds, err := wakes()
	if err != nil {
		return -1, err
	}
	program := filter(eventfds)
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_NEW_LISTENER|unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(program)
	if errno != 0 {
		return -1, fmt.Errorf("%w: setting a seccomp filter: %w", errors.ErrUnsupported, errno)
	}
	return int(fd), nil
}

// receive returns the next notification; ok is false when it was taken back.
func receive(listener int) (n notification, ok bool) {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(listener), unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&n)))
	return n, errno == 0
}

// send answers; nobody waits for the answer any more when the thread has ended.
func send(listener int, a answer) {
	_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(listener), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&a)))
}
