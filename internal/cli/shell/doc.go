// SPDX-License-Identifier: Apache-2.0

// Package shell runs commands in a guest, for rdd shell, rdd limavm shell and rdd engine shell. It
// connects to the guest by an ability of the engine and needs no daemon. Only to explain why a
// guest cannot be reached does it ask the API.
//
// It is tested here with an engine in memory, and with a real guest by test/e2e.
package shell
