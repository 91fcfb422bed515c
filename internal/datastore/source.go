// SPDX-License-Identifier: Apache-2.0

package datastore

import (
	"strings"
	"time"
)

// lockWait is how long a write waits for the store's lock, and how long for the writes before it. Our own
// writes hold the lock for milliseconds, a compaction for 5 s at most. It is well below the 34 s that the API
// server gives a request, so that the caller gets the reason and not just a timeout.
const lockWait = 5 * time.Second

// settings of every connection (_busy_timeout is lockWait in milliseconds), in the words of the cgo driver; kine translates them
// for the pure Go one. The unknown _pragma entries reach the latter as they are:
// on macOS a plain fsync does not reach the disk, fullfsync does.
const settings = "_journal_mode=WAL&_busy_timeout=5000&_synchronous=FULL&_txlock=immediate&_stmt_cache_size=20" +
	"&_pragma=fullfsync(1)&_pragma=checkpoint_fullfsync(1)&_kine_disable_startup_vacuum=1"

// dataSource is what kine opens.
func dataSource(path string) string { return escapePath(path) + "?" + settings }

// uriEscape guards characters of a path that mean something in a URI.
func uriEscape(path string) string {
	return strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
}
