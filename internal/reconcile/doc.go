// SPDX-License-Identifier: Apache-2.0

// Package reconcile is what rdd's reconcilers share.
//
// A reconciler is a synchronous function of a client, an engine and a clock: it reads a
// scope, runs a list of Steps on it, writes the status once at the end and turns the Outcome
// into a result. It reads live, through a client without a cache; watches only wake it. So
// there are no stale reads in it, and a test can drive it call by call.
//
// Around that live the helpers for conditions, finalizers and ownership, the guard that
// keeps others from deleting what a controller owns, and the back-off.
package reconcile
