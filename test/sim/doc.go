// SPDX-License-Identifier: Apache-2.0

// Package sim is an API server in memory, for driving reconcilers fast and on one thread.
//
// It does what rdd's controllers can tell of the real one: versions and optimistic locking,
// generations, finalizers and deletion, merge patches, status subresources with server-side apply,
// namespaces that are emptied before they go, and rdd's own admission rules. Those who
// apply parts of a status keep to fields and conditions of their own. Every version
// of every object is kept, and reads can be served as of an older revision.
//
// What it does is what the real server was seen to do: test/faults runs the same scenarios on both
// and compares where they end.
package sim
