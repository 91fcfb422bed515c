// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package datastore

import (
	"errors"

	"github.com/mattn/go-sqlite3"
)

// driverName of the C driver, registered by kine's import of it.
const driverName = "sqlite3"

// escapePath names a file to kine, which hands it to the driver as it is.
func escapePath(path string) string { return "file:" + uriEscape(path) }

func sourceName(path string) string { return escapePath(path) + "?_busy_timeout=5000" }

// readOnlyName opens a file that nobody writes to, and makes none beside it.
func readOnlyName(path string) string { return escapePath(path) + "?mode=ro&immutable=1" }

// codeOf returns SQLite's result code; 0 for other errors.
func codeOf(err error) int {
	var own sqlite3.Error
	if errors.As(err, &own) {
		return int(own.Code)
	}
	return 0
}
