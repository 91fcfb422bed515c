// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package datastore

// driverName of the C driver, registered by kine's import of it.
const driverName = "sqlite3"

// escapePath names a file to kine, which hands it to the driver as it is.
func escapePath(path string) string { return "file:" + uriEscape(path) }

func sourceName(path string) string { return escapePath(path) + "?_busy_timeout=5000" }
