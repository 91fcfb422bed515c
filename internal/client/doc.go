// SPDX-License-Identifier: Apache-2.0

// Package client finds the daemon of an rdd instance, starts it when it is not
// running, waits until it is ready and talks to its API. Everything that drives
// rdd, the command line first of all, goes through it.
//
// What client and daemon know of each other is in package presence; neither imports the other.
package client
