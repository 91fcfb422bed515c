// SPDX-License-Identifier: Apache-2.0

// Package limavm is the LimaVM controller: it makes a virtual machine on this host
// what its LimaVM says, through a vm.Engine, and reports what it sees.
//
// What is so is always read from the engine, never from our last status, so a daemon that
// dies at any line goes on where the world is. Long work runs inside the engine and wakes
// the reconciler when it moves.
package limavm
