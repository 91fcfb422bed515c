// SPDX-License-Identifier: Apache-2.0

// Package sshx reaches guests over ssh: it dials with a context and a pinned host key, runs
// commands with their exit code, opens terminals, and keeps host sockets forwarded to guest sockets
// across broken connections. No ssh program is needed.
//
// For one command: ReadConfig of an instance's ssh.config, Dial, Run. A process that serves a guest
// for as long as it runs has a Link, which dials again when the connection breaks; Forward carries
// connections over it, and Relay lets other processes run commands over it.
//
// Tests run an ssh server of Go's library in this process; a real sshd is that of the guests in
// test/e2e.
package sshx
