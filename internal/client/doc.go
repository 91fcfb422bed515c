// SPDX-License-Identifier: Apache-2.0

// Package client finds the daemon of an rdd instance, starts it when it is not
// running, waits until it is ready and talks to its API. Everything that drives
// rdd, the command line first of all, goes through it.
//
// The daemon's lock says whether it runs; its record, written when it is ready and
// removed when it stops, says which process it is, its port and its version. A
// record without the lock is a leftover and counts for nothing.
package client
