// SPDX-License-Identifier: Apache-2.0

// Package faults drives rdd's reconcilers, step by step and on one thread, through the life
// of App and LimaVM against the real API server and the in-memory engine, and fails their calls.
//
// Every call that a reconciler makes, of the API and of the engine, passes the
// injector, which numbers them and lets one of them go wrong: for every call of every
// stage of the life, in every way that fits it, including the end of the daemon before and
// after the call. What a run ends in must be what the undisturbed run ended in, and
// nothing may be orphaned on the way.
//
// The stages come in pairs that undo each other (create and delete, start and stop), so a
// run is as short as its stage. Waking up is simulated exactly: a reconciler runs when an event
// that it watches has happened, an error asks for a retry or a timer that it set has
// passed, and never otherwise. So a missing wake-up shows as a run that does not get there.
package faults
