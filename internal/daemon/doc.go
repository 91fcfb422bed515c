// SPDX-License-Identifier: Apache-2.0

// Package daemon builds and runs the control plane of one instance. It starts the store, the API
// server and the controllers in this order, and stops them in reverse. If a part fails, the daemon
// stops with that error: it never runs with a part missing. Virtual machines are not part of the
// daemon; they keep running without it.
//
// Whoever holds the lock (package presence) is the daemon of the instance.
//
// The daemon is tested with the whole command tree by the scripts of internal/cli, and is killed at
// many points in test/e2e.
package daemon
