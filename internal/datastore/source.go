// SPDX-License-Identifier: Apache-2.0

package datastore

import "strings"

// settings of every connection, in the words of the cgo driver; kine translates them
// for the pure Go one. The unknown _pragma entries reach the latter as they are:
// on macOS a plain fsync does not reach the disk, fullfsync does.
const settings = "_journal_mode=WAL&_busy_timeout=30000&_synchronous=FULL&_txlock=immediate&_stmt_cache_size=20" +
	"&_pragma=fullfsync(1)&_pragma=checkpoint_fullfsync(1)&_kine_disable_startup_vacuum=1"

// dataSource is what kine opens.
func dataSource(path string) string { return escapePath(path) + "?" + settings }

// uriEscape guards characters of a path that mean something in a URI.
func uriEscape(path string) string {
	return strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
}
