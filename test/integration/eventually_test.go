// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"time"
)

// eventually polls until done returns true. It is for what no watch reports.
func eventually(ctx context.Context, done func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, waitTimeout)
	defer cancel()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !done() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}
