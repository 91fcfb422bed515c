// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package datastore

// driverName of the C driver, registered by kine's import of it.
const driverName = "sqlite3"

func escapePath(path string) string { return path }

func sourceName(path string) string { return path + "?_busy_timeout=5000" }
