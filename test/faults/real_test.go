// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"
)

// realSample is the number of simulated faults for each one that is injected on the real server
// too.
const realSample = 40

// TestRealServerAgrees runs every pair of stages on the real API server, without faults and with a
// sample of them, and checks that each stage has the same end state as on the simulated server.
func TestRealServerAgrees(t *testing.T) {
	started := time.Now()
	ctx := context.Background()
	h, simulated := serve(t, mutant{}), simulate(t, mutant{})
	h.every = realSample
	total := coverage{byKind: map[kind]int{}}
	for _, p := range pairs() {
		if p.simulated {
			continue
		}
		want, err := simulated.ends(ctx, p)
		if err != nil {
			t.Fatalf("%s, simulated: %v", p.name, err)
		}
		got, err := h.ends(ctx, p)
		if err != nil {
			t.Fatalf("%s, real: %v", p.name, err)
		}
		for i, side := range []string{p.there.name, p.back.name} {
			if want[i] != got[i] {
				t.Errorf("%s / %s ends otherwise on the simulated and the real server\n%s", p.name, side, difference(want[i], got[i]))
			}
		}
		cover, err := h.matrix(ctx, p, slices.Concat(faultKinds, crashKinds, eventKinds), false)
		if err != nil {
			t.Fatal(err)
		}
		total.add(cover)
	}
	t.Logf("together %d stages, %d calls, %d runs, %d faults %v, %.1f s",
		total.stages, total.calls, total.runs, total.fired, total.byKind, time.Since(started).Seconds())
	if total.fired == 0 {
		t.Fatal("nothing was injected")
	}
}

// ends runs a pair without faults, and returns the end state of each stage.
func (h *harness) ends(ctx context.Context, p pair) ([2]string, error) {
	var ends [2]string
	if p.setUp != nil {
		if _, err := h.run(ctx, stage{act: p.setUp}, fault{}); err != nil {
			return ends, fmt.Errorf("setting up: %w", err)
		}
	}
	for i, s := range []stage{p.there, p.back} {
		g, err := h.run(ctx, s, fault{})
		if err != nil {
			return ends, fmt.Errorf("%s: %w", s.name, err)
		}
		ends[i] = g.snapshot
	}
	if p.tearDown != nil {
		if _, err := h.run(ctx, stage{act: p.tearDown}, fault{}); err != nil {
			return ends, fmt.Errorf("tearing down: %w", err)
		}
	}
	return ends, nil
}
