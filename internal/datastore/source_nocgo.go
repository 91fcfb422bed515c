// SPDX-License-Identifier: Apache-2.0

//go:build !cgo

package datastore

// driverName of the pure Go driver, registered by kine's import of it.
const driverName = "sqlite"

// escapePath names a file to kine, which makes a URI of it.
func escapePath(path string) string { return uriEscape(path) }

func sourceName(path string) string {
	return "file://" + escapePath(path) + "?_pragma=busy_timeout(5000)"
}
