// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package filecalls

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Op is what a call does.
type Op string

// The calls that change files.
const (
	Create   Op = "create"
	Write    Op = "write"
	Truncate Op = "truncate"
	Sync     Op = "sync" // of a file or a directory
	Rename   Op = "rename"
	Mkdir    Op = "mkdir"
	Link     Op = "link" // hard or symbolic
	Remove   Op = "remove"
)

// Call is one call. Paths are absolute.
type Call struct {
	Op   Op
	Path string
	// To is the new name in renames and links.
	To string
}

// String implements fmt.Stringer.
func (c Call) String() string {
	if c.To != "" {
		return fmt.Sprintf("%s %s to %s", c.Op, c.Path, c.To)
	}
	return fmt.Sprintf("%s %s", c.Op, c.Path)
}

// Fault is how a call goes.
type Fault int

const (
	// Fine calls are done.
	Fine Fault = iota
	// NoSpace is a full disk.
	NoSpace
	// Quota is a quota that is used up.
	Quota
	// InputOutput is an error of the disk.
	InputOutput
	// Torn does half of a write and fails; other calls fail.
	Torn
	// Nothing is done, and a success reported. A file that is created or opened is no such call.
	Nothing
)

// Faults are all but Fine, by name.
func Faults() map[string]Fault {
	return map[string]Fault{"no space": NoSpace, "quota": Quota, "I/O error": InputOutput, "torn": Torn, "nothing done": Nothing}
}

// errno of a call that fails.
func (f Fault) errno() unix.Errno {
	switch f {
	case NoSpace:
		return unix.ENOSPC
	case Quota:
		return unix.EDQUOT
	default:
		return unix.EIO
	}
}

// Layer stands below the calls that change files in one directory.
type Layer struct {
	mu     sync.Mutex
	root   string
	first  *tree
	events []event
	count  int
	fail   func(n int, c Call) Fault
}

// New makes a layer for the files below root, which it reads. What is there is taken for synced.
func New(root string) (*Layer, error) {
	l := &Layer{}
	return l, l.Restart(root)
}

// Restart forgets what was recorded and begins with another directory, which may be the same.
func (l *Layer) Restart(root string) error {
	root, err := filepath.EvalSymlinks(root)
	if err != nil {
		return err
	}
	first, err := load(root)
	if err != nil {
		return fmt.Errorf("reading %s: %w", root, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.root, l.first, l.events, l.count, l.fail = root, first, nil, 0, nil
	return nil
}

// Fail sets what decides how the n-th call from now on goes, counted from 1; nil means all are
// done. It is not asked about notes.
func (l *Layer) Fail(decide func(n int, c Call) Fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count, l.fail = 0, decide
}

// Note puts a note between the calls.
func (l *Layer) Note(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, event{note: text})
}

// Run calls do on a thread of its own, with the layer below its calls and those of the processes it
// starts. Goroutines that it starts are not covered. errors.ErrUnsupported: the kernel or its
// configuration does not allow it, or the race detector is on.
func (l *Layer) Run(do func()) error {
	if underRace {
		return fmt.Errorf("%w: the race detector is on", errors.ErrUnsupported)
	}
	ready, listening, done := make(chan error), make(chan struct{}), make(chan struct{})
	var listener int
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine
		var err error
		listener, err = install()
		ready <- err
		if err != nil {
			return
		}
		<-listening
		do()
	}()
	if err := <-ready; err != nil {
		return err
	}
	stop, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("making an eventfd: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- l.serve(listener, stop) }()
	close(listening)
	<-done
	_, err = unix.Write(stop, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	return errors.Join(err, <-ended, unix.Close(listener), unix.Close(stop))
}

// serve answers notifications until stop can be read.
func (l *Layer) serve(listener, stop int) error {
	known := handlers()
	for {
		waiting := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}, {Fd: int32(stop), Events: unix.POLLIN}}
		if _, err := unix.Poll(waiting, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("waiting for a system call: %w", err)
		}
		if waiting[0].Revents&unix.POLLIN != 0 {
			if n, ok := receive(listener); ok {
				send(listener, l.answer(known, n))
			}
			continue
		}
		if waiting[1].Revents != 0 {
			return nil
		}
	}
}

func (l *Layer) answer(known map[int]handler, n notification) answer {
	r := &request{layer: l, notification: n}
	value, err := known[int(n.nr)](r)
	var errno unix.Errno
	switch {
	case errors.Is(err, errGoOn):
		return answer{id: n.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
	case errors.As(err, &errno):
		return answer{id: n.id, errno: -int32(errno)}
	case err != nil:
		return answer{id: n.id, errno: -int32(unix.EFAULT)}
	}
	return answer{id: n.id, value: value}
}

// below reports whether the layer is responsible for a path.
func (l *Layer) below(path string) bool { return path == l.root || strings.HasPrefix(path, l.root+"/") }

// decide counts a call and says how it goes.
func (l *Layer) decide(c Call) Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count++
	if l.fail == nil {
		return Fine
	}
	return l.fail(l.count, c)
}

func (l *Layer) record(e event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}
