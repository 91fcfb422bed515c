// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
)

const (
	// portEventBurst Events about forwarded ports of a LimaVM may be written at once, and one more in
	// each portEventInterval. A guest chooses which ports it opens and when, and each is an object in
	// the store for as long as Events are kept.
	portEventBurst    = 50
	portEventInterval = 30 * time.Second
)

// portEventLimiter limits the Events about forwarded ports, of each LimaVM on its own. It is a
// token bucket whose tokens are counted as time: full is when the bucket will be full again.
type portEventLimiter struct {
	full shared[types.UID, time.Time]
}

// allow returns how many of n Events may be written now, and counts them.
func (l *portEventLimiter) allow(uid types.UID, n int, now time.Time) int {
	full, _ := l.full.get(uid)
	if full.Before(now) {
		full = now
	}
	left := portEventBurst - int((full.Sub(now)+portEventInterval-1)/portEventInterval)
	n = max(0, min(n, left))
	if n > 0 {
		l.full.set(uid, full.Add(time.Duration(n)*portEventInterval))
	}
	return n
}

// cut returns those of the Events about ports that may be written now. The last one says how many
// are left out; the status has all of them.
func (l *portEventLimiter) cut(uid types.UID, all []reconcile.Event, now time.Time) []reconcile.Event {
	allowed := l.allow(uid, len(all), now)
	if allowed == len(all) || allowed == 0 {
		return all[:allowed]
	}
	message := fmt.Sprintf("%d more changes of forwarded ports have no Event; to see the ports: status.portForwards", len(all)-allowed+1)
	return append(all[:allowed-1:allowed-1], reconcile.Event{Warning: true, Reason: limav1.EventPortConflict, Message: message})
}
