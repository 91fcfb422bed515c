// SPDX-License-Identifier: Apache-2.0

// Package sshx reaches guests over ssh: it dials with a context and a pinned
// host key, runs commands with their exit code, opens terminals, and keeps host
// sockets forwarded to guest sockets across broken connections. No ssh program is used.
//
// The usual way: ReadConfig of an instance's ssh.config, Dial, Run.
package sshx
