// SPDX-License-Identifier: Apache-2.0

// Package shell runs commands in a guest, for the commands that offer that: rdd shell, rdd limavm
// shell and rdd engine shell. It goes to the guest directly and needs no daemon.
//
// Against a real guest it is tested by test/e2e.
package shell
