// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"strings"
	"testing"
	"time"
)

func TestStoreHealth(t *testing.T) {
	since := time.Date(2031, 5, 6, 7, 8, 9, 0, time.Local)
	for name, c := range map[string]struct {
		health        StoreHealth
		full          bool
		problem, rows string
	}{
		"healthy": {StoreHealth{Free: 1 << 30, Reserve: 64 << 20}, false, "", ""},
		"short": {
			StoreHealth{Dir: "/d", Free: 12 << 20, Reserve: 64 << 20, Short: true},
			true, "no room: 12 MB are free in /d, the last 64 MB are kept for deletions", "",
		},
		"full": {
			StoreHealth{Short: true, Failure: &StoreFailure{Cause: CauseFull, Message: "the store: creating /x: no room", Since: since, Count: 3}},
			true, "the store: creating /x: no room (since 2031-05-06 07:08:09)", "",
		},
		"locked": {
			StoreHealth{Failure: &StoreFailure{Cause: "Locked", Message: "locked", Since: since}},
			false, "locked (since 2031-05-06 07:08:09)", "",
		},
		"bad rows": {StoreHealth{Bad: []BadObject{{Key: "/a"}, {Key: "/b"}, {Key: "/c"}, {Key: "/d"}}}, false, "", "/a, /b, /c, and 1 more"},
	} {
		if c.health.Full() != c.full || c.health.Problem() != c.problem || c.health.BadText() != c.rows {
			t.Errorf("%s: full %t, %q, %q", name, c.health.Full(), c.health.Problem(), c.health.BadText())
		}
	}
	if full := (StoreHealth{Failure: &StoreFailure{Cause: CauseFull}}); !full.Full() || !strings.Contains(full.Problem(), "since") {
		t.Errorf("full without being short: %+v", full)
	}
}
