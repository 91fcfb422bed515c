// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"errors"
	"fmt"
)

// Errors of an engine's methods. They are wrapped: use errors.Is.
var (
	// ErrNotFound: there is no instance of that name.
	ErrNotFound = errors.New("instance not found")
	// ErrBusy: another operation on the instance is going on; try again when State changes.
	ErrBusy = errors.New("instance is busy")
	// ErrNotRunning: the operation needs a running guest.
	ErrNotRunning = errors.New("instance is not running")
)

// NameTakenError says that the instance directory belongs to someone else. Nothing was changed.
type NameTakenError struct {
	Name string
	// Owner is empty when the directory was not made by rdd.
	Owner Owner
}

func (e *NameTakenError) Error() string {
	if e.Owner.UID == "" {
		return fmt.Sprintf("an instance directory %q that rdd did not make is in the way", e.Name)
	}
	return fmt.Sprintf("the instance name %q is already taken by LimaVM %s/%s (uid %s)", e.Name, e.Owner.Namespace, e.Owner.Name, e.Owner.UID)
}

// Fault returns the error as a value: see FaultOf.
func (e *NameTakenError) Fault() *Fault { return &Fault{Kind: FaultNameTaken} }

// DamagedError says that an instance directory is rdd's, and that whose it is cannot be read any
// more. Nothing was changed.
type DamagedError struct {
	Name string
	// Path of the directory.
	Path string
	// Err says what cannot be read.
	Err error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("whose the instance directory %s is cannot be read: %v", e.Path, e.Err)
}

// Fault returns the error as a value: see FaultOf.
func (e *DamagedError) Fault() *Fault {
	return &Fault{Kind: FaultBroken, Hint: "put back what is damaged in " + e.Path}
}

// InvalidSpecError says which part of a Spec an engine cannot honour. Another attempt does not help
// until the Spec changes.
type InvalidSpecError struct {
	// Field is the path in the template: "images[0].location"; empty when it is about the whole.
	Field string
	// Reason continues a sentence that begins with the field: "must be one of amd64, arm64".
	Reason string
}

func (e *InvalidSpecError) Error() string {
	if e.Field == "" {
		return e.Reason
	}
	return fmt.Sprintf("field `%s` %s", e.Field, e.Reason)
}

// Fault returns the error as a value: see FaultOf.
func (e *InvalidSpecError) Fault() *Fault { return &Fault{Kind: FaultSpec, Field: e.Field} }

// HostError says what the host lacks and how to get it. Another attempt helps once it is there.
type HostError struct {
	// Missing is what it lacks: "qemu-system-x86_64", "3 GiB of disk space in /home".
	Missing string
	// Hint is the remedy as a command or a sentence: "sudo apt-get install qemu-system-x86".
	Hint string
}

func (e *HostError) Error() string {
	if e.Hint == "" {
		return "this host lacks " + e.Missing
	}
	return fmt.Sprintf("this host lacks %s; to cure it: %s", e.Missing, e.Hint)
}

// Fault returns the error as a value: see FaultOf.
func (e *HostError) Fault() *Fault { return &Fault{Kind: FaultHost, Missing: e.Missing, Hint: e.Hint} }

// DiskInUseError says that a machine uses an additional disk.
type DiskInUseError struct {
	Disk string
	// By is the machine; empty when that is not known.
	By string
}

func (e *DiskInUseError) Error() string {
	by := "a virtual machine, or a command that changes it"
	if e.By != "" {
		by = "the virtual machine " + e.By
	}
	return fmt.Sprintf("the disk %s is in use by %s", e.Disk, by)
}

// Fault returns the error as a value: see FaultOf.
func (e *DiskInUseError) Fault() *Fault {
	return &Fault{Kind: FaultHost, Missing: "the disk " + e.Disk, Hint: e.hint()}
}

func (e *DiskInUseError) hint() string {
	if e.By == "" {
		return "wait until it is free"
	}
	return "rdd limavm stop " + e.By
}

// UnreachableError says that the login into a guest failed. Its text is that of Err.
type UnreachableError struct {
	// Reason is ErrNotFound or ErrNotRunning where one of them is known to be the cause.
	Reason error
	Err    error
}

func (e *UnreachableError) Error() string { return e.Err.Error() }

// Unwrap lets errors.Is and errors.As find both.
func (e *UnreachableError) Unwrap() []error {
	if e.Reason == nil {
		return []error{e.Err}
	}
	return []error{e.Reason, e.Err}
}
