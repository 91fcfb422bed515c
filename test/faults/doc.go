// SPDX-License-Identifier: Apache-2.0

// Package faults drives rdd's reconcilers, call by call and on one thread, through the life of App
// and LimaVM, and injects faults into their calls. The engine is in memory, and so is the API
// server (package sim). A sample of the runs is repeated on the real API server.
//
// The injector numbers every call that a reconciler makes, of the API and of the engine. For every
// call of every stage of the life there is a run in which it fails, in every way that fits it. The
// daemon may also end before or after the call. Each run must end in the same state as the run
// without a fault, and the invariants (invariants.go) must hold all the time.
//
// The stages come in pairs that undo each other (create and delete, start and stop), so a run is as
// short as its stage. Waking up is simulated exactly: a reconciler runs when an event that it
// watches has happened, when an error asks for a retry, or when its timer has expired. A missing
// wake-up therefore shows as a run that does not reach its end state.
package faults
