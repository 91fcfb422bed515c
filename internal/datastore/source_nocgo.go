// SPDX-License-Identifier: Apache-2.0

//go:build !cgo

package datastore

import "strings"

// driverName of the pure Go driver, registered by kine's import of it.
const driverName = "sqlite"

// escapePath guards characters that mean something in the URI that kine makes of the path.
func escapePath(path string) string {
	return strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
}

func sourceName(path string) string {
	return "file://" + escapePath(path) + "?_pragma=busy_timeout(5000)"
}
