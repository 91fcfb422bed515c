// SPDX-License-Identifier: Apache-2.0

// Package sim is a simulated API server in memory, for tests that call reconcilers on one thread.
// It is much faster than the real one.
//
// It simulates what rdd's controllers depend on: resource versions and optimistic locking,
// generations, finalizers and deletion, merge patches, status subresources with server-side apply,
// namespaces that are emptied before they are removed, and rdd's admission rules. Field managers of
// one status must own different fields and conditions. Every version of every object is kept, and
// reads can be served from an older revision.
//
// sim_test.go tests it alone. TestRealServerAgrees in test/faults runs the same stages on this and
// the real server, and compares the end states.
package sim
