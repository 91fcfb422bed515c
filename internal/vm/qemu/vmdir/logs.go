// SPDX-License-Identifier: Apache-2.0

package vmdir

// MaxLog is the size in bytes beyond which a log of an instance is rotated: see package logfile.
// With the old log each takes at most three times as much, and what is written within a second.
const MaxLog = 4 << 20
