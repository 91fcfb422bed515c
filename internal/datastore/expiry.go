// SPDX-License-Identifier: Apache-2.0

package datastore

import (
	"context"
	"time"

	"github.com/k3s-io/kine/pkg/server"
	"github.com/k3s-io/kine/pkg/ttl"
)

// expiryRetry is the time between two attempts to delete a key whose time to live is over.
const expiryRetry = 10 * time.Second

// keepExpiring deletes keys whose time to live is over, until ctx ends: Events above all. kine's
// own loop does that as well, but takes a delete that has failed, on a full disk for instance, for
// a conflict, and forgets the key until the store is opened again. Times are those of the monotonic
// clock: a change of the wall clock expires nothing early or late.
func keepExpiring(ctx context.Context, backend server.Backend, retry time.Duration) {
	for {
		ttl.Run(ctx, patient{backend, retry}) // it ends early when its watch fails
		if !pause(ctx, retry) {
			return
		}
	}
}

// patient is a backend whose deletes go on until they have succeeded. The loop that calls them does
// one at a time, so a store that fails is tried once in a while, whatever number of keys is due.
type patient struct {
	server.Backend
	retry time.Duration
}

// Delete implements server.Backend.
func (p patient) Delete(ctx context.Context, key string, revision int64) (int64, *server.KeyValue, bool, error) {
	for {
		at, kv, deleted, err := p.Backend.Delete(ctx, key, revision)
		if err == nil || ctx.Err() != nil {
			return at, kv, deleted, err
		}
		if !pause(ctx, p.retry) {
			return 0, nil, false, ctx.Err()
		}
	}
}

// pause waits, and reports whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
