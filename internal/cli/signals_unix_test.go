// SPDX-License-Identifier: Apache-2.0

//go:build unix

package cli

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"

	"rancherdesktop.io/rdd/internal/cli/session"
)

func TestASignalIsTheCause(t *testing.T) {
	ctx, stop := withSignals(t.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	var received *session.SignalError
	if cause := context.Cause(ctx); !errors.As(cause, &received) || received.Signal != syscall.SIGTERM {
		t.Errorf("the cause is %v", cause)
	}
}

func TestStoppedSignalsEndTheContext(t *testing.T) {
	ctx, stop := withSignals(t.Context(), syscall.SIGTERM)
	stop()
	<-ctx.Done()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		t.Errorf("the cause is %v", cause)
	}
}
