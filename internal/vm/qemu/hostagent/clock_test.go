// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"testing"
	"time"
)

func TestOff(t *testing.T) {
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) time.Time { return noon.Add(d) }
	for _, tc := range []struct {
		name                 string
		before, after, guest time.Duration // from noon
		want                 time.Duration
	}{
		{"right", 0, 0, 0, 0},
		{"within the tolerance", 0, 0, 900 * time.Millisecond, 0},
		{"just within, behind", 0, 0, -time.Second, 0},
		{"the line took long", -20 * time.Second, 0, -20 * time.Second, 0},
		{"it may be right", 0, 10 * time.Second, 4 * time.Second, 0},
		{"behind, whatever the way took", 0, 10 * time.Second, -3 * time.Second, -3 * time.Second},
		{"ahead, whatever the way took", 0, 10 * time.Second, 12 * time.Second, 2 * time.Second},
		{"the host slept for a night", 0, 0, -8 * time.Hour, -8 * time.Hour},
		{"the host's clock was set back", 0, 0, time.Hour, time.Hour},
		{"a guest that begins in 1970", 0, 0, -time.Duration(noon.UnixNano()), -time.Duration(noon.UnixNano())},
	} {
		if got := off(at(tc.before), at(tc.after), at(tc.guest)); got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.name, got, tc.want)
		}
	}
}

// TestOffGoesByTheWallClock: the monotonic clock stands still while the host is suspended.
func TestOffGoesByTheWallClock(t *testing.T) {
	now := time.Now()
	asleep := now.Round(0).Add(time.Hour)
	if got := off(now, asleep, now.Round(0)); got != 0 {
		t.Errorf("got %s", got)
	}
	if got := off(asleep, asleep, now); got != -time.Hour {
		t.Errorf("got %s", got)
	}
}

// TestNextClockPause: one correction is made at once, and a guest that sets its clock back each
// time gets at most six an hour.
func TestNextClockPause(t *testing.T) {
	for _, tc := range []struct{ before, since, want time.Duration }{
		{0, time.Hour, clockPause},
		{0, 0, clockPause},
		{time.Second, time.Second, 2 * time.Second},
		{8 * time.Second, 10 * time.Second, 16 * time.Second},
		{8 * time.Second, 18 * time.Second, clockPause},
		{longestClockPause, longestClockPause, longestClockPause},
		{longestClockPause, time.Hour, clockPause},
	} {
		if got := nextClockPause(tc.before, tc.since); got != tc.want {
			t.Errorf("%s after %s: got %s, want %s", tc.since, tc.before, got, tc.want)
		}
	}
}
