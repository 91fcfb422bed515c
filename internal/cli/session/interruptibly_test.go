// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"io"
	"testing"
)

func TestInterruptibly(t *testing.T) {
	failed := errors.New("failed")
	for _, want := range []error{nil, failed} {
		got, err := Interruptibly(t.Context(), func() (int, error) { return 3, want })
		if got != 3 || err != want { //nolint:errorlint // unchanged
			t.Errorf("got %d, %v", got, err)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	began, never := make(chan bool), make(chan bool)
	t.Cleanup(func() { close(never) })
	go func() {
		<-began
		cancel(failed)
	}()
	got, err := Interruptibly(ctx, func() (int, error) {
		close(began)
		<-never
		return 3, nil
	})
	if got != 0 || !errors.Is(err, failed) {
		t.Errorf("interrupted: got %d, %v", got, err)
	}
}

// TestAQuestionIsInterrupted: nobody answers.
func TestAQuestionIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	silent, answers := io.Pipe()
	t.Cleanup(func() { _ = answers.Close() })
	interrupted := errors.New("interrupted")
	cancel(interrupted)
	if err := readYes(ctx, silent); !errors.Is(err, interrupted) {
		t.Errorf("got %v", err)
	}
}
