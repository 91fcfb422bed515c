// SPDX-License-Identifier: Apache-2.0

// Package guestcopy copies files between this host and guests, for rdd limavm copy. A source writes
// a tar stream and a target reads it; on a guest's side tar does that, over the connection that
// commands in guests have. So the host needs no ssh.
//
// What a guest sends is not trusted: entries are made below the target only, and no links are.
package guestcopy
