// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// golden is the reference: what a stage without a fault does, and its end state.
type golden struct {
	calls    []call
	events   int
	passes   []revisionRange
	snapshot string
	starts   int64
}

// injection is a fault with a description of where it is injected.
type injection struct {
	fault
	what string
}

// coverage counts what a matrix has done.
type coverage struct {
	stages, calls, runs, fired int
	byKind                     map[kind]int
}

// add adds the counts of o.
func (c *coverage) add(o coverage) {
	c.stages, c.calls, c.runs, c.fired = c.stages+o.stages, c.calls+o.calls, c.runs+o.runs, c.fired+o.fired
	for k, n := range o.byKind {
		c.byKind[k] += n
	}
}

// run runs one stage with a fault, and returns what it did and its end state.
func (h *harness) run(ctx context.Context, s stage, f fault) (golden, error) {
	var revision int64
	if h.sim != nil {
		h.sim.Forget()
		revision = h.sim.Revision()
	} else if !h.cutShort {
		h.clock.SetTime(time.Now())
	}
	h.inj.begin(f, revision)
	if !h.cutShort {
		clear(h.timers)
		h.build()
	}
	h.cutShort = s.partial
	if err := s.act(ctx, h); err != nil {
		return golden{}, err
	}
	snapshot, count, err := h.snapshot()
	g := golden{calls: h.inj.calls, events: h.inj.events, passes: h.inj.passes, snapshot: snapshot, starts: count - h.count}
	h.count = count
	return g, err
}

// compare compares a run that had a fault with the reference.
func (g golden) compare(got golden, s stage, f injection, fired bool) error {
	switch {
	case !fired:
		return fmt.Errorf("nothing went wrong: the run is not the same as the undisturbed one")
	case f.kind.onCalls() && got.calls[f.k-1] != g.calls[f.k-1]:
		return fmt.Errorf("call %d was %q and not %q", f.k, got.calls[f.k-1].what, g.calls[f.k-1].what)
	case got.snapshot != g.snapshot:
		return fmt.Errorf("another end: undisturbed and after the fault\n%s", difference(g.snapshot, got.snapshot))
	case s.starts != 0 && got.starts != s.starts:
		return fmt.Errorf("the machine started %d times, not %d", got.starts, s.starts)
	default:
		return nil
	}
}

// difference returns the lines that only one of two snapshots has.
func difference(want, got string) string {
	var lines []string
	for _, side := range []struct{ mark, text, other string }{{"-", want, got}, {"+", got, want}} {
		for line := range strings.SplitSeq(side.text, "\n") {
			if !strings.Contains(side.other+"\n", line+"\n") {
				lines = append(lines, side.mark+" "+line)
			}
		}
	}
	return strings.Join(lines, "\n")
}

// first returns g with its first n calls only; with 0, or everything, it returns g.
func (g golden) first(n int, everything bool) golden {
	if n > 0 && !everything {
		g.calls = g.calls[:min(n, len(g.calls))]
	}
	return g
}

// plan returns an injection for each call, event and pass with each kind that fits it.
func plan(g golden, kinds []kind, everything bool) []injection {
	var all []injection
	for i, c := range g.calls {
		for _, k := range kinds {
			if k.fits(i+1, c, everything) {
				all = append(all, injection{fault{k: i + 1, kind: k}, c.what})
			}
		}
	}
	for _, k := range kinds {
		switch {
		case slices.Contains(eventKinds, k):
			for i := range g.events {
				all = append(all, injection{fault{k: i + 1, kind: k}, "event"})
			}
		case k == stale:
			for i, s := range g.passes {
				for past := s.oldest; past < s.newest; past++ {
					all = append(all, injection{fault{k: i + 1, kind: k, past: past}, fmt.Sprintf("pass at revision %d seeing %d", s.newest, past)})
				}
			}
		}
	}
	return all
}

// sampled returns a sample of a plan: one of h.every injections.
func (h *harness) sampled(all []injection) []injection {
	if h.every == 0 {
		return all
	}
	var some []injection
	for i := h.every / 2; i < len(all); i += h.every {
		some = append(some, all[i])
	}
	return some
}

// matrix runs a pair of stages with every fault of the kinds.
func (h *harness) matrix(ctx context.Context, p pair, kinds []kind, everything bool) (coverage, error) {
	cover := coverage{stages: 2, byKind: map[kind]int{}}
	before, _, err := h.snapshot()
	if err != nil {
		return cover, err
	}
	if p.setUp != nil {
		if _, err := h.run(ctx, stage{act: p.setUp}, fault{}); err != nil {
			return cover, fmt.Errorf("setting up: %w", err)
		}
	}
	there, err := h.run(ctx, p.there, fault{})
	if err != nil {
		return cover, fmt.Errorf("%s, undisturbed: %w", p.there.name, err)
	}
	back, err := h.run(ctx, p.back, fault{})
	if err != nil {
		return cover, fmt.Errorf("%s, undisturbed: %w", p.back.name, err)
	}
	if p.clean && back.snapshot != before {
		return cover, fmt.Errorf("%s left behind:\n%s", p.name, back.snapshot)
	}
	cover.calls = len(there.calls) + len(back.calls)
	plans := [2][]injection{{}, h.sampled(plan(back, kinds, everything))}
	if !p.there.partial {
		plans[0] = h.sampled(plan(there.first(p.there.faultCalls, everything), kinds, everything))
	}
	for i := range max(len(plans[0]), len(plans[1])) {
		for side, s := range []stage{p.there, p.back} {
			f := injection{}
			if i < len(plans[side]) {
				f = plans[side][i]
			}
			if err := h.once(ctx, s, []golden{there, back}[side], f, &cover); err != nil {
				return cover, fmt.Errorf("%s / %s, number %d (%s), %s: %w", p.name, s.name, f.k, f.what, f.kind, err)
			}
		}
	}
	if p.tearDown != nil {
		if _, err := h.run(ctx, stage{act: p.tearDown}, fault{}); err != nil {
			return cover, fmt.Errorf("tearing down: %w", err)
		}
	}
	return cover, h.checkSeen(ctx)
}

// once runs a stage with a fault and compares it with the reference.
func (h *harness) once(ctx context.Context, s stage, g golden, f injection, cover *coverage) error {
	got, err := h.run(ctx, s, f.fault)
	if err != nil {
		return err
	}
	cover.runs++
	if f.k == 0 {
		return nil
	}
	cover.byKind[f.kind]++
	if h.inj.fired {
		cover.fired++
	}
	return g.compare(got, s, f, h.inj.fired)
}

// samplePeriod is the number of calls for each fault of a sample.
const samplePeriod = 6

// sample runs a pair with faults in its second stage: in every samplePeriod-th call, beginning with
// turn. The kinds take turns.
func (h *harness) sample(ctx context.Context, p pair, kinds []kind, turn int) (coverage, error) {
	cover := coverage{byKind: map[kind]int{}}
	if _, err := h.run(ctx, p.there, fault{}); err != nil {
		return cover, fmt.Errorf("%s / %s: %w", p.name, p.there.name, err)
	}
	back, err := h.run(ctx, p.back, fault{})
	if err != nil {
		return cover, fmt.Errorf("%s, undisturbed: %w", p.name, err)
	}
	if back.snapshot != "" {
		return cover, fmt.Errorf("%s left behind:\n%s", p.name, back.snapshot)
	}
	for k := 1 + turn%samplePeriod; k <= len(back.calls); k += samplePeriod {
		c := back.calls[k-1]
		f := injection{fault{k: k, kind: kinds[(turn+k)%len(kinds)]}, c.what}
		if !f.kind.fits(k, c, true) {
			f.kind = timeout
		}
		if _, err := h.run(ctx, p.there, fault{}); err != nil {
			return cover, fmt.Errorf("%s / %s: %w", p.name, p.there.name, err)
		}
		if err := h.once(ctx, p.back, back, f, &cover); err != nil {
			return cover, fmt.Errorf("%s, call %d (%s), %s: %w", p.name, f.k, f.what, f.kind, err)
		}
	}
	return cover, h.checkSeen(ctx)
}
