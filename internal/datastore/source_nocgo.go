// SPDX-License-Identifier: Apache-2.0

//go:build !cgo

package datastore

import (
	"errors"

	"modernc.org/sqlite"
)

// driverName of the pure Go driver, registered by kine's import of it.
const driverName = "sqlite"

// escapePath names a file to kine, which makes a URI of it.
func escapePath(path string) string { return uriEscape(path) }

func sourceName(path string) string {
	return "file://" + escapePath(path) + "?_pragma=busy_timeout(5000)"
}

// readOnlyName opens a file that nobody writes to, and makes none beside it.
func readOnlyName(path string) string { return "file://" + escapePath(path) + "?mode=ro&immutable=1" }

// codeOf returns SQLite's primary result code; 0 for other errors.
func codeOf(err error) int {
	var own *sqlite.Error
	if errors.As(err, &own) {
		return own.Code() & 0xff
	}
	return 0
}
