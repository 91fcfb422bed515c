// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/time/rate"
)

const (
	// maxForwards is how many forwards a machine may have, those that fail included. The sockets of
	// its template are not limited.
	maxForwards = 500
	// maxLeftOut is how many of those that are left out are reported.
	maxLeftOut = 20
)

// leftOut is the error of forwards beyond maxForwards. It has no number of them, as each change of
// an error is reported.
var leftOut = fmt.Sprintf("a machine has at most %d forwards, and this one has as many; end programs in the guest that listen, "+
	"or leave ports out (in a template: ignore in portForwards)", maxForwards)

// limit returns the routes that may be opened, and some of those that may not, with the reason. The
// template's own come first, then those that are open already, so that a guest which opens ports
// without end does not take away those that work.
func limit(routes []route, isOpen func(key) bool) []route {
	if len(routes) <= maxForwards {
		return routes
	}
	rank := func(r route) int {
		switch {
		case len(r.targets) > 0 && r.targets[0].network == protoUnix:
			return 0 // a socket of the template
		case r.own:
			return 1
		case isOpen(r.key):
			return 2
		default:
			return 3
		}
	}
	slices.SortStableFunc(routes, func(a, b route) int { return cmp.Compare(rank(a), rank(b)) })
	most := maxForwards
	for most < len(routes) && rank(routes[most]) == 0 {
		most++
	}
	routes = routes[:min(len(routes), most+maxLeftOut)]
	for i := most; i < len(routes); i++ {
		routes[i].err = leftOut
	}
	return routes
}

const (
	// changeBurst forwards may change at once, and changeRate in each second. Each pass that changes
	// something counts as changeCost more. What a guest opens and closes in between goes unnoticed.
	changeBurst, changeRate, changeCost = 1000, 20, 20
)

func newChangeLimiter() *rate.Limiter { return rate.NewLimiter(changeRate, changeBurst) }

// settleDown waits until forwards may change again. Each change is logged, recorded and written to
// the API, which a guest must not be able to keep busy.
func (m *Manager) settleDown(ctx context.Context) {
	if m.changes == 0 {
		return
	}
	reserved := m.limiter.ReserveN(time.Now(), min(m.changes+changeCost, changeBurst))
	m.changes = 0
	timer := time.NewTimer(reserved.Delay())
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
