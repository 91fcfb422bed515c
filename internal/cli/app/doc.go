// SPDX-License-Identifier: Apache-2.0

// Package app holds the commands of the App and its VM: start, stop, set, reset, delete, shell, run
// and status. They change one object, the App, and wait until it has settled.
//
// They are tested by the scripts of internal/cli (app, set, reset, run, host, recover, …), and with
// a real guest by test/e2e. What is a function of its arguments alone is tested here.
package app
