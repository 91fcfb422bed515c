// SPDX-License-Identifier: Apache-2.0

// Package reconcile has what rdd's reconcilers share.
//
// A reconciler is a synchronous function of a client, an engine and a clock. It reads a scope, runs
// a list of Steps on it, writes the status once at the end, and turns the Outcome into a result. It
// reads through a client without a cache; watches only wake it. So no read is stale, and a test can
// call a reconciler step by step.
//
// The package also has helpers for conditions, Events, finalizers and owner references, the
// admission rule that keeps others from deleting owned objects, and the back-off.
//
// How reconcilers that are built of it behave when calls fail is tested in test/faults.
package reconcile
