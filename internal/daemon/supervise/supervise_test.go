// SPDX-License-Identifier: Apache-2.0

package supervise

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

// scripted parts record their ends.
func scripted(r *Parts, log *[]string, name string) {
	r.Run(name, func(ctx context.Context) error {
		<-ctx.Done()
		*log = append(*log, name)
		return nil
	})
}

func TestPartsStopInReverse(t *testing.T) {
	var r Parts
	var log []string
	for _, name := range []string{"store", "server", "controllers"} {
		scripted(&r, &log, name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Wait(ctx); err != nil {
		t.Errorf("told to stop: %v", err)
	}
	if err := r.Stop(); err != nil {
		t.Error(err)
	}
	if !slices.Equal(log, []string{"controllers", "server", "store"}) {
		t.Errorf("stopped in the order %v", log)
	}
}

func TestFailureOfAPart(t *testing.T) {
	for name, failure := range map[string]error{"an error": errors.New("out of luck"), "a silent end": nil} {
		t.Run(name, func(t *testing.T) {
			var r Parts
			var log []string
			scripted(&r, &log, "store")
			r.Run("controllers", func(context.Context) error { return failure })
			err := r.Wait(t.Context())
			if err == nil || !strings.HasPrefix(err.Error(), "controllers: ") {
				t.Errorf("the daemon runs on after %v: %v", failure, err)
			}
			if err := r.Stop(); err != nil {
				t.Errorf("stopping reports the failure again: %v", err)
			}
			if !slices.Equal(log, []string{"store"}) {
				t.Errorf("stopped %v", log)
			}
		})
	}
}

func TestWaitFor(t *testing.T) {
	var r Parts
	ready := make(chan struct{})
	close(ready)
	if err := r.WaitFor(t.Context(), ready); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.WaitFor(ctx, make(chan struct{})); !errors.Is(err, context.Canceled) {
		t.Errorf("told to stop while waiting: %v", err)
	}
	r.Run("server", func(context.Context) error { return errors.New("no") })
	if err := r.WaitFor(t.Context(), make(chan struct{})); err == nil {
		t.Error("a failed part is waited for")
	}
}
