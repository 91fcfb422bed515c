// SPDX-License-Identifier: Apache-2.0

// Package filecalls is for tests of what is kept in files: it stands between a function and the
// system calls by which it changes files. It fails the calls that a test names, and it records
// them, so that power cuts can be played: Cut gives the directory as a disk may hold it when the
// power fails after any of the calls.
//
// The calls are caught by a seccomp filter on the thread that runs the function. Its child
// processes inherit the filter, with all of their threads. So nothing has to be built into the code
// under test, and qemu-img or SQLite are covered as well as our own calls. It works on Linux only.
package filecalls

// NoteFile is the base name of a file that is never written: what a process writes to it is a note
// in the record, as by Note.
const NoteFile = ".note"
