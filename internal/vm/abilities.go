// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"context"
	"io"
	"time"
)

// The interfaces of this file are what an Engine may be able to do besides. A caller asks for one
// by a type assertion and does without when the engine has not got it.

// Command is what to run in a guest.
//
// It is not ssh's type, though today's engine reaches its guests over ssh. It says where a command
// begins and whether it has a terminal; how to bring that about is up to the engine.
type Command struct {
	// Args is run without any interpretation by the guest's shell. Empty together with Line: a
	// login shell.
	Args []string
	// Line is given to the user's shell as it is. Args and Line exclude each other.
	Line string
	// Dir in the guest in which the command begins; empty: the user's home. Where Dir does not
	// exist, the command is not run and its exit code is 1, unless DirOptional says to begin at
	// home then.
	Dir         string
	DirOptional bool
	// Stdin, Stdout, Stderr; nil is empty input or discarded output. With a Terminal, Stderr stays
	// empty.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Env is what of the environment to hand on; the guest takes what it accepts.
	Env map[string]string
	// Terminal asks for a terminal in the guest. Such a session outlives the process that serves
	// the machine; others may end with it, and begin more quickly.
	Terminal *Terminal
}

// Terminal describes the terminal that the guest's side shall believe in.
type Terminal struct {
	// Term is the value of TERM; empty means xterm-256color.
	Term string
	Size Size
	// Resized, when not nil, delivers new sizes.
	Resized <-chan Size
	// Prepare, when not nil, is called once the guest has let the caller in and before the command
	// begins. It puts the caller's own terminal into raw mode: until then Ctrl-C ends the caller.
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
	// *UnreachableError: the guest let nobody in, and the command has not begun. It is ErrNotFound
	// when there is no such instance, and ErrNotRunning when nothing of the guest's answers.
	RunInGuest(ctx context.Context, name string, command Command) (exitCode int, err error)
}

// PathMapper is the ability to say where a guest has the host's directories.
type PathMapper interface {
	// GuestPath is where the guest, as it was started last, shows a directory of the host; empty
	// where no mount shows it. ErrNotFound: there is no instance, or it was never started.
	GuestPath(ctx context.Context, name, hostDir string) (string, error)
}

// Names of logs that every engine that keeps logs has.
const (
	// LogHostagent is what rdd does for the machine.
	LogHostagent = "hostagent"
	// LogSerial is the guest's console of the last start.
	LogSerial = "serial"
)

// LogKind is one of the logs that an engine keeps of each instance.
type LogKind struct {
	// Name is a word that people give on the command line.
	Name string
	// About says what is in it.
	About string
}

// LogFinder is the ability to say where an instance's logs are.
type LogFinder interface {
	// LogKinds lists the logs, the most useful first. It is the same for all instances.
	LogKinds() []LogKind
	// LogFile is the path of a log. The file need not exist: it is made by the first start.
	// ErrNotFound: there is no instance directory. Any other error: there is no such kind.
	LogFile(ctx context.Context, name, kind string) (string, error)
}

// Step is a moment at which a machine got on, or failed.
type Step struct {
	Time  time.Time
	Phase Phase
	// Name of what was begun: "booting"; empty where the phase says it all. It is the Index-th of
	// Total, both 0 when there is no such count.
	Name         string
	Index, Total int
	// Failure is why the machine ended; empty when it did not, or was asked to.
	Failure string
}

// Historian is the ability to say what a machine went through.
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
	// Damage is why the owner cannot be read, although rdd made the directory; nil when it can.
	Damage error
	// Owner it belongs to; empty when it is foreign or damaged.
	Owner Owner
	// TemplateFile holds the Template of the Spec on disk, and Params are its Params.
	TemplateFile string
	Params       map[string]string
	// Alive: its machine lives, or what serves it.
	Alive bool
}

// DirectoryReader is the ability to show instance directories as they are, for those whose API
// object is gone.
type DirectoryReader interface {
	// Directory reads one instance directory. ErrNotFound: there is none; Path is then where it
	// would be.
	Directory(ctx context.Context, name string) (Directory, error)
	// Directories reads all of them, sorted by name.
	Directories(ctx context.Context) ([]Directory, error)
}

// Adopter is the ability to give a machine that lost the process that serves it another one. The
// guest notices nothing. An engine never does that unasked: package adoption asks.
type Adopter interface {
	// Adopt begins to adopt the machine of an instance, whoever owns it, and reports whether there
	// was anything to do: false when nothing runs, when the machine is served, and when the
	// instance cannot be read, which Observe reports. ErrNotFound, ErrBusy (creating, stopping,
	// deleting).
	Adopt(ctx context.Context, name string) (begun bool, err error)
}

// Host is what an engine has found out about the host. What is not known yet is empty.
type Host struct {
	// Accelerator that the next guest is run with: "kvm", "hvf", "tcg"; AcceleratorReason says why
	// it is that one.
	Accelerator, AcceleratorReason string
	// Version of the program that runs guests.
	Version string
}

// HostReporter is the ability to say what the host offers to guests.
type HostReporter interface {
	// Host says what is known. It tries nothing that takes longer than a moment.
	Host(ctx context.Context) (Host, error)
}

// AcceleratorReporter is the ability to say why a guest is run as it is.
type AcceleratorReporter interface {
	// AcceleratorReason says why a guest has that accelerator, for people; empty where there is
	// nothing to say.
	AcceleratorReason(accelerator string) string
}

// HomeChecker is the ability to say whether the user's home can be shown to guests.
type HomeChecker interface {
	// HomeProblem says why the user's home, in which rdd's own directories must stay hidden, cannot
	// be shown to guests; nil: it can.
	HomeProblem(ctx context.Context) error
}
