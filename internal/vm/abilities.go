// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"context"
	"io"
	"time"
)

// The interfaces of this file are optional abilities of an Engine. A caller asks for one by a type
// assertion and does without when the engine does not have it. Their methods return the errors of
// Engine's, besides those that are named.

// Command is what to run in a guest.
//
// It says in which directory a command starts and whether it has a terminal. How to bring that
// about is up to the engine: the type does not presume ssh, over which the QEMU engine reaches its
// guests.
type Command struct {
	// Args is run without any interpretation by the guest's shell. When it and Line are empty, a
	// login shell is run.
	Args []string
	// Line is given to the user's shell as it is. Args and Line exclude each other.
	Line string
	// Dir is the working directory in the guest; empty: the user's home. Where it does not exist,
	// the command is not run and its exit code is 1.
	Dir string
	// DirOptional runs the command in the user's home where Dir does not exist.
	DirOptional bool
	// Stdin, Stdout, Stderr; nil is empty input or discarded output. With a Terminal, Stderr stays
	// empty.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Env are variables for the command. The guest drops those that it does not accept.
	Env map[string]string
	// CleanEnv runs the command with PATH only, and without what the guest sets for every session. It
	// is for rdd's own commands, which a template's `env` must not change. It excludes Dir and Env.
	CleanEnv bool
	// AgentSocket is that of the user's ssh agent, which the command may use where the template has
	// ssh.forwardAgent; empty: none.
	AgentSocket string
	// Terminal asks for a terminal in the guest. A session with one outlives the process that
	// serves the machine. Others may end with that process, and start more quickly.
	Terminal *Terminal
}

// Terminal describes the terminal that the guest's side is given.
type Terminal struct {
	// Term is the value of TERM; empty means xterm-256color.
	Term string
	Size Size
	// Resized, when not nil, delivers new sizes.
	Resized <-chan Size
	// Prepare, when not nil, is called after the login and before the command starts. It puts the
	// caller's own terminal into raw mode: until then Ctrl-C ends the caller. When it fails, the
	// command is not run.
	Prepare func() error
}

// Size of a terminal in characters.
type Size struct{ Columns, Rows int }

// GuestRunner is the ability to run commands in a running guest.
type GuestRunner interface {
	// RunInGuest runs a command and returns its exit code; 128 + the signal's number when a signal
	// ended it. err is not nil only when the command could not be run to its end. When ctx ends,
	// the command is sent SIGTERM and the call returns ctx's error.
	//
	// *UnreachableError: the login failed, and the command was not started. It is ErrNotFound when
	// there is no such instance, and ErrNotRunning when nothing of the guest answers.
	RunInGuest(ctx context.Context, name string, command Command) (exitCode int, err error)
}

// PathMapper is the ability to map paths of the host to those of a guest, by its mounts.
type PathMapper interface {
	// GuestPath returns the path at which the guest, as it was started last, has a directory of the
	// host; empty where no mount has it. ErrNotFound: there is no instance, or it was never
	// started.
	GuestPath(ctx context.Context, name, hostDir string) (string, error)
}

// Disk is one that machines use besides their own, and that is deleted with none of them.
type Disk struct {
	Name string `json:"name"`
	// Size is what guests see, and Used what the disk takes on the host, in bytes.
	Size int64 `json:"size"`
	Used int64 `json:"used"`
	// UsedBy is the machine that has it now; empty: none.
	UsedBy string `json:"usedBy,omitempty"`
	// Damage is why the disk cannot be used; empty: it can. The sizes are not known then.
	Damage string `json:"damage,omitempty"`
}

// DiskKeeper is the ability to keep additional disks. A disk that a machine uses can neither be
// deleted nor resized: that is a *DiskInUseError. ErrNotFound: there is no disk of that name.
type DiskKeeper interface {
	// Disks lists the disks by name.
	Disks(ctx context.Context) ([]Disk, error)
	// CreateDisk makes an empty disk of size bytes. fs.ErrExist: there is one of that name.
	CreateDisk(ctx context.Context, name string, size int64) error
	// ResizeDisk grows a disk. The guest's file system follows at the next start.
	ResizeDisk(ctx context.Context, name string, size int64) error
	// DeleteDisk deletes a disk with all that is on it.
	DeleteDisk(ctx context.Context, name string) error
}

// Names of the logs that every LogFinder has.
const (
	// LogHostagent says what rdd does for the machine.
	LogHostagent = "hostagent"
	// LogSerial is the guest's console of the last start.
	LogSerial = "serial"
)

// LogKind is one of the logs that an engine keeps of each instance.
type LogKind struct {
	// Name is what people give on the command line.
	Name string
	// About says what is in it.
	About string
	// Boot: it shows why a guest does not boot.
	Boot bool
}

// LogFinder is the ability to find an instance's logs on disk.
type LogFinder interface {
	// LogKinds lists the logs, the most useful first. It is the same for all instances.
	LogKinds() []LogKind
	// LogFile returns the path of a log. The file need not exist: it is made by the first start.
	// ErrNotFound: there is no instance directory. Any other error: there is no such kind.
	LogFile(ctx context.Context, name, kind string) (string, error)
}

// Step is a time at which a machine entered a phase or began something else, or failed.
type Step struct {
	Time  time.Time
	Phase Phase
	// Name of what was begun, as in Progress.Step: "booting"; empty where the phase says it all. It
	// is the Index-th of Total, both 0 when there is no such count.
	Name         string
	Index, Total int
	// Failure is why the machine ended; empty when it did not end, or was asked to.
	Failure string
}

// Historian is the ability to report the steps of a machine's last start, for people who ask why it
// is as it is.
type Historian interface {
	// History lists the steps since the last start, oldest first, without repetitions. A long
	// history lacks its beginning. ErrNotFound: there is no instance directory.
	History(ctx context.Context, name string) ([]Step, error)
}

// Directory is an instance directory as it lies on disk, whoever made it.
type Directory struct {
	Name string
	// Path of the directory.
	Path string
	// Foreign: rdd did not make it. Nothing else is known of it.
	Foreign bool
	// Damage is why the record cannot be read, although rdd made the directory; nil when it can.
	Damage error
	// SetAside: a Salvager has moved it out of the way. It is no instance any more; nothing else is
	// known of it, and nobody uses it.
	SetAside bool
	// Owner it belongs to; empty when it is foreign or damaged.
	Owner Owner
	// TemplateFile holds the Template of the Spec on disk, and Params are its Params.
	TemplateFile string
	Params       map[string]string
	// Alive: its machine runs, or the process that serves it.
	Alive bool
}

// DirectoryReader is the ability to read instance directories as they are. It is for those whose
// API object was deleted, too.
type DirectoryReader interface {
	// Directory reads one instance directory. ErrNotFound: there is none; Path is then where it
	// would be.
	Directory(ctx context.Context, name string) (Directory, error)
	// Directories reads all of them, sorted by name.
	Directories(ctx context.Context) ([]Directory, error)
}

// Salvager is the ability to put a damaged instance directory out of the way without losing its
// disk.
type Salvager interface {
	// SetAside begins to end the machine's processes and to move the directory of an instance that
	// is State.Damaged to where Directories lists it as SetAside; nil while that goes on and when
	// there is nothing. The caller answers for it that the instance is owner's. It is done when
	// Observe returns ErrNotFound. *NameTakenError: whose it is can be read, or rdd did not make
	// it.
	SetAside(ctx context.Context, owner Owner, name string) error
}

// Adopter is the ability to start another process for a machine that lost the one that serves it.
// The guest notices nothing. An engine never does that by itself: package adoption calls it.
type Adopter interface {
	// Adopt begins to adopt the machine of an instance, whoever owns it. begun is false when there
	// is nothing to do: nothing runs, or the machine is served, or the instance cannot be read,
	// which Observe reports. Records that are damaged and can be read from elsewhere are repaired
	// on the way. ErrNotFound, ErrBusy (creating, stopping, deleting).
	Adopt(ctx context.Context, name string) (begun bool, err error)
}

// Host is what an engine has found out about the host. What is not known yet is empty.
type Host struct {
	// Accelerator is what the next guest will run with, "kvm", "hvf" or "tcg"; AcceleratorReason
	// says why it is that one.
	Accelerator, AcceleratorReason string
	// Version of the program that runs guests.
	Version string
}

// HostReporter is the ability to report what the host offers to guests.
type HostReporter interface {
	// Host returns what is known without trying anything that takes long: no guest is booted for
	// it. What is known comes together with an error as well.
	Host(ctx context.Context) (Host, error)
}

// AcceleratorReporter is the ability to explain the accelerator of a guest.
type AcceleratorReporter interface {
	// AcceleratorReason returns why the guest of an instance has that accelerator, for people; empty
	// where there is nothing to say.
	AcceleratorReason(name, accelerator string) string
}

// HomeChecker is the ability to check whether the user's home can be mounted in guests.
type HomeChecker interface {
	// HomeProblem returns why the user's home, in which rdd's own directories must stay hidden,
	// cannot be mounted in guests; nil: it can. It starts a process to find out.
	HomeProblem(ctx context.Context) error
}
