// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"fmt"
	"strings"
	"time"
)

// StoreHealthPath is where a daemon's API server tells its user the StoreHealth. Nothing has to be
// written for that: it works on a full disk.
const StoreHealthPath = "/store/health"

// StoreHealth is how a running daemon's store is.
type StoreHealth struct {
	// Dir is where the store is.
	Dir string `json:"dir"`
	// Free space there, in bytes; -1 where it cannot be known.
	Free int64 `json:"free"`
	// Reserve is the free space, in bytes, below which nothing is created.
	Reserve int64 `json:"reserve"`
	// Short is whether creates are refused for want of room. Updates and deletes are tried.
	Short bool `json:"short"`
	// Failure is why writes fail; nil when the last one succeeded.
	Failure *StoreFailure `json:"failure,omitempty"`
	// Bad are objects that cannot be read.
	Bad []BadObject `json:"bad,omitempty"`
}

// CauseFull is the cause of failures for want of room.
const CauseFull = "Full"

// StoreFailure is a row of failures of one cause.
type StoreFailure struct {
	// Cause is one word for programs; it stays the same.
	Cause   string `json:"cause"`
	Message string `json:"message"`
	// Since is the first of Count failures without a write that succeeded between them.
	Since time.Time `json:"since"`
	Count int       `json:"count"`
}

// BadObject is an object whose value in the store is not what was written.
type BadObject struct {
	// Key in the store.
	Key    string `json:"key"`
	Reason string `json:"reason"`
}

// Full reports whether the store has no room.
func (h *StoreHealth) Full() bool {
	return h.Short || h.Failure != nil && h.Failure.Cause == CauseFull
}

// Problem says in one sentence why writes fail; "" when they do not.
func (h *StoreHealth) Problem() string {
	switch {
	case h.Failure != nil:
		return fmt.Sprintf("%s (since %s)", h.Failure.Message, h.Failure.Since.Local().Format(time.DateTime))
	case h.Short:
		return fmt.Sprintf("no room: %d MB are free in %s, the last %d MB are kept for deletions", h.Free>>20, h.Dir, h.Reserve>>20)
	}
	return ""
}

// namedObjects is how many bad objects a sentence names.
const namedObjects = 3

// BadText names the objects that cannot be read; "" when there are none.
func (h *StoreHealth) BadText() string {
	var named []string
	for _, object := range h.Bad[:min(len(h.Bad), namedObjects)] {
		named = append(named, object.Key)
	}
	if more := len(h.Bad) - namedObjects; more > 0 {
		named = append(named, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(named, ", ")
}
