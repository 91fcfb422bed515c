// SPDX-License-Identifier: Apache-2.0

// Package explain says in plain words what an App and its virtual machines do: in one line (State),
// as a time line (Timeline), and as the one cause that blocks them now, with the next step (Find).
//
// It asks nobody: each is a function of Facts that others have gathered, so every situation
// is a line in a table test.
package explain
