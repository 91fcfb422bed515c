// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package filecalls

import (
	"maps"
	"os"
	"slices"
)

// everything in the environment makes tests play all kinds of fault where they take turns.
const everything = "RDD_TEST_EVERY_FAULT"

// Everything reports whether the long run is asked for.
func Everything() bool { return os.Getenv(everything) != "" }

// Turns are the names of the faults for the k-th call: one of those that fail it, and those that do
// half of it or nothing; in the long run all.
func Turns(k int) []string {
	if Everything() {
		return slices.Sorted(maps.Keys(Faults()))
	}
	failing := []string{"no space", "quota", "I/O error"}
	return []string{failing[k%len(failing)], "torn", "nothing done"}
}
