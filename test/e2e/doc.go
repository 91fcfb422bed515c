// SPDX-License-Identifier: Apache-2.0

// Package e2e holds the end-to-end tests: the real binary, a real daemon, a real
// guest with Docker, in a HOME of each test's own. They run with RDD_E2E=1 (make
// e2e) on the binary that RDD_BINARY names, by default bin/rdd. The guest's image
// comes from the user's cache, except where a test builds one.
//
// Every process of a test carries its HOME in the environment, by which it is
// found, compared and, when a test failed half-way, ended: none is ever looked for by name.
package e2e
