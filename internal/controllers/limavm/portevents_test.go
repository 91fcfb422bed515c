// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"strings"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/reconcile"
)

func TestPortEventLimiter(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	l := &portEventLimiter{}
	for i, step := range []struct {
		at   time.Duration
		n    int
		want int
	}{
		{0, 3, 3},
		{0, 100, portEventBurst - 3},
		{0, 1, 0},
		{portEventInterval - 1, 1, 0},
		{portEventInterval, 5, 1},
		{4 * portEventInterval, 5, 3},
		{time.Hour, 100, portEventBurst},
		{0, 0, 0},
	} {
		if got := l.allow("x", step.n, start.Add(step.at)); got != step.want {
			t.Errorf("%d: %d of %d are allowed, want %d", i, got, step.n, step.want)
		}
	}
	if got := l.allow("y", 1, start); got != 1 {
		t.Error("another LimaVM pays for it")
	}
}

// TestPortEventsAreCut: the last Event that is written says that there were more.
func TestPortEventsAreCut(t *testing.T) {
	all := make([]reconcile.Event, 2*portEventBurst)
	for i := range all {
		all[i].Reason = "PortForwarded"
	}
	l, now := &portEventLimiter{}, time.Now()
	got := l.cut("x", all, now)
	if len(got) != portEventBurst || !strings.HasPrefix(got[len(got)-1].Message, "51 more changes") || all[portEventBurst-1].Message != "" {
		t.Errorf("%d Events, the last is %+v", len(got), got[len(got)-1])
	}
	if got := l.cut("x", all, now); len(got) != 0 {
		t.Errorf("%d more", len(got))
	}
	if got := l.cut("x", nil, now); len(got) != 0 {
		t.Errorf("%d of none", len(got))
	}
}
