// SPDX-License-Identifier: Apache-2.0

// Package resource holds what several commands do with the App and with LimaVMs: find, change and
// delete them, wait for them, report their state, and complete their names. What only one command
// does is in the package of its noun.
//
// A predicate (AppSettled, VMRunning, …) is a function of the object alone, so each has a table
// test here. The requests to the API are tested by the scripts of internal/cli.
package resource
