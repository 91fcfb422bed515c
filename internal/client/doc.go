// SPDX-License-Identifier: Apache-2.0

// Package client finds the daemon of an rdd instance, starts it when it is not running, replaces
// one of an older version, and returns a client of its API. The command line uses it for every
// command that needs the API.
//
// What client and daemon know of each other is in package presence; neither imports the other.
//
// Finding, starting and replacing daemons is tested by the scripts of internal/cli.
package client
