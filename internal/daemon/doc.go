// SPDX-License-Identifier: Apache-2.0

// Package daemon builds the control plane of one instance, runs it and stops it in
// order: store, API server, controllers; and back. If any part fails, the whole daemon
// ends with that error: it never runs on half-dead. Virtual machines are not part of it;
// they go on while it is away.
//
// The lock file is the daemon's identity: who holds it is the daemon of the instance.
package daemon
