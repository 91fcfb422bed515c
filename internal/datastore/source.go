// SPDX-License-Identifier: Apache-2.0

package datastore

import (
	"fmt"
	"strings"
	"time"
)

// lockWait is how long a write waits for the store's lock, and how long for the writes before it.
// Our own writes hold the lock for milliseconds, a compaction for 5 s at most. It is well below the
// 34 s that the API server gives a request, so that the caller gets the reason and not just a
// timeout.
const lockWait = 5 * time.Second

// settings of every connection, in the words of the cgo driver; kine translates them
// for the pure Go one. The unknown _pragma entries reach the latter as they are:
// on macOS a plain fsync does not reach the disk, fullfsync does.
const settings = "_journal_mode=WAL&_synchronous=FULL&_txlock=immediate&_stmt_cache_size=20" +
	"&_pragma=fullfsync(1)&_pragma=checkpoint_fullfsync(1)&_kine_disable_startup_vacuum=1"

// dataSource is what kine opens.
func dataSource(path string, options Options) string {
	source := escapePath(path) + "?" + settings + fmt.Sprintf("&_busy_timeout=%d", options.LockWait.Milliseconds())
	if options.VFS != "" {
		source += "&vfs=" + options.VFS
	}
	return source
}

// uriEscape guards characters of a path that mean something in a URI.
func uriEscape(path string) string {
	return strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
}
