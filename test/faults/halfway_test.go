// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestDeletedAtEachPass lets the deletion strike after each pass of the making of a running
// App, undisturbed and with a sample of faults: calls and kinds take turns.
func TestDeletedAtEachPass(t *testing.T) {
	t.Parallel()
	started := time.Now()
	h := serve(t, mutant{})
	ctx := context.Background()
	kinds := slices.Concat(faultKinds, crashKinds)
	passesSeen, runs := 0, 0
	for n, whole := 1, false; !whole; n++ {
		cut := until(fmt.Sprintf("%d passes", n), running, func(h *harness) bool {
			whole = h.states["rd"].RunningRevision != "" && h.states["rd"].BootID != ""
			return whole || h.passes >= n
		})
		p := pair{name: fmt.Sprintf("deleted after %d passes", n), there: cut, back: remove()}
		cover, err := h.sample(ctx, p, kinds, n)
		if err != nil {
			t.Fatal(err)
		}
		passesSeen, runs = n, runs+cover.runs
	}
	t.Logf("deleted after each of %d passes: %d runs, %.1f s", passesSeen, runs, time.Since(started).Seconds())
	if passesSeen < 5 {
		t.Fatalf("an App is made in no less than 5 passes, not in %d", passesSeen)
	}
}

// TestNothingIsWrittenWithoutAChange: any number of reconciles of what has settled writes
// nothing, to the API or the engine; starting what runs is how a lost hostagent is found again.
func TestNothingIsWrittenWithoutAChange(t *testing.T) {
	t.Parallel()
	h := serve(t, mutant{})
	ctx := context.Background()
	if _, err := h.run(ctx, stage{act: setUp(running)}, fault{}); err != nil {
		t.Fatal(err)
	}
	h.inj.begin(fault{})
	before := h.changes
	const times = 25
	for range times {
		h.restart()
		if err := h.drive(ctx, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range h.inj.calls {
		if c.write && c.what != "engine: start rd" {
			t.Errorf("a write: %s", c.what)
		}
	}
	if h.changes != before || len(h.inj.calls) < 2*times {
		t.Fatalf("%d calls, %d changes", len(h.inj.calls), h.changes-before)
	}
}
