// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"errors"
	"strings"
	"testing"
)

// TestUnreachableEngine checks that no method of an engine that cannot be reached panics or
// succeeds.
func TestUnreachableEngine(t *testing.T) {
	reason, ctx := errors.New("there is no way"), t.Context()
	var e engine = &unreachableEngine{reason: reason}
	defer e.close()
	_, versionErr := e.version(ctx)
	_, leftoversErr := e.leftovers(ctx)
	_, hasErr := e.hasImage(ctx)
	_, _, runErr := e.run(ctx, "x")
	for call, err := range map[string]error{
		"version": versionErr, "leftovers": leftoversErr, "hasImage": hasErr, "run": runErr,
		"ping": e.ping(ctx), "listen": e.listen(ctx, func() { t.Error("it listens") }), "remove": e.remove(ctx, "x"), "load": e.load(ctx),
	} {
		if !errors.Is(err, reason) {
			t.Errorf("%s: %v", call, err)
		}
	}
	if e.pingIntervalFactor() <= 0 {
		t.Error("a ticker would panic")
	}
	if got := problemOf(e, reason); !strings.HasSuffix(got, "to see more: rdd service logs") {
		t.Errorf("got %q", got)
	}
}
