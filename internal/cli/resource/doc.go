// SPDX-License-Identifier: Apache-2.0

// Package resource is what several commands do with the App and with LimaVMs: find and change them,
// wait for them, say how they are, and complete their names.
//
// A predicate (AppSettled, VMRunning, …) is a function of the object alone, so each is a table
// test. What only one command does is in the package of its noun.
package resource
