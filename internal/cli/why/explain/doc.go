// SPDX-License-Identifier: Apache-2.0

// Package explain describes for people what an App and its virtual machines do: in one line
// (State), as a time line (Timeline), and as the one cause that blocks them now, with the next step
// (Find).
//
// It reads nothing by itself: each of these is a function of facts that others have gathered, so
// every situation is a line in a table test. cause.go has the list of rules. The rules are in the
// file of what they are about: daemon.go, app.go, machine.go (does it exist, is it complete),
// power.go (does it run).
package explain
