// SPDX-License-Identifier: Apache-2.0

// Package e2e holds the end-to-end tests: the real binary, a real daemon, and a real guest with
// Docker, in a HOME of each test's own. They run with RDD_E2E=1 (make e2e) on the binary that
// RDD_BINARY names, by default bin/rdd. Those that take too long for every run also need
// RDD_E2E_LONG=1 (make e2e-long). The guest's image comes from the user's cache, except where a
// test builds one.
//
// Every process of a test has the test's HOME in its environment. By that it is found, compared
// with others and, when a test failed half-way, killed. Processes are never found by name.
package e2e
