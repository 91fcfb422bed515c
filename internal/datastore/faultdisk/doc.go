// SPDX-License-Identifier: Apache-2.0

// Package faultdisk is for tests: the disk below SQLite, and what may go wrong with it. A Disk is
// registered with SQLite as a file system (VFS) of its own name over the real one. It fails the
// operations that a test names, and knows which bytes were synced, so that a power cut can be
// played: Cut gives the files as a disk may hold them then.
//
// It works below the pure Go driver only.
package faultdisk
