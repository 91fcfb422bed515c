// SPDX-License-Identifier: Apache-2.0

// Package session holds what the commands of rdd share, whatever they are about.
//
// A Session is one run of the program: its streams, the instance that it is about and the build
// that it is. From it a command gets a client of the API (Connect, Reconnect, Peek). A Follower
// watches one object and survives a restart of the daemon. A Wait follows an object until a
// Predicate holds, and shows its Progress meanwhile.
//
// The rest is how all commands talk to people and to scripts: flags that several have (--wait,
// --timeout, -o, --yes), tables and JSON, several logs at once, completions, and exit codes.
//
// What is said of Apps and LimaVMs is in package resource, whose tests also cover Wait with their
// predicates. Sessions against a daemon are tested by the scripts of internal/cli.
package session
