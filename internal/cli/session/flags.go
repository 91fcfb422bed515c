// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

// WaitFlags are the values of --wait and --timeout.
type WaitFlags struct {
	Wait bool
	// Timeout is 0 for a wait without end.
	Timeout time.Duration
}

func addWait(cmd *cobra.Command, timeout time.Duration) *WaitFlags {
	f := &WaitFlags{}
	cmd.Flags().BoolVar(&f.Wait, "wait", true, "wait until it is so; --wait=false returns once it is asked for")
	AddTimeout(cmd, &f.Timeout, timeout)
	return f
}

// AddTimeout gives a command the flag --timeout with that default.
func AddTimeout(cmd *cobra.Command, into *time.Duration, timeout time.Duration) {
	cmd.Flags().DurationVar(into, "timeout", timeout, "how long to wait, with a unit: 90s, 10m; 0 waits without end")
}

// WithWait gives cmd the flags --wait and --timeout, of which timeout is the default. It makes cmd
// run do with a context that ends after the timeout, and returns cmd.
func WithWait(
	cmd *cobra.Command, timeout time.Duration, do func(ctx context.Context, args []string, wait bool) error,
) *cobra.Command {
	flags := addWait(cmd, timeout)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, cancel, err := flags.Bound(cmd.Context())
		if err != nil {
			return err
		}
		defer cancel()
		return flags.Explain(ctx, do(ctx, args, flags.Wait))
	}
	return cmd
}

// Bound returns ctx with the deadline that --timeout asks for, if any. A negative timeout is an
// error.
func (f *WaitFlags) Bound(ctx context.Context) (context.Context, context.CancelFunc, error) {
	if f.Timeout < 0 {
		return nil, nil, fmt.Errorf("--timeout must not be negative; got %s", f.Timeout)
	}
	if f.Timeout == 0 {
		ctx, cancel := context.WithCancel(ctx)
		return ctx, cancel, nil
	}
	ctx, cancel := context.WithTimeout(ctx, f.Timeout)
	return ctx, cancel, nil
}

// Explain returns err, of what was done within ctx from Bound, with a sentence that says that the
// timeout has passed, if that is why. It has ExitDeadline then.
func (f *WaitFlags) Explain(ctx context.Context, err error) error {
	if err == nil || !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return err
	}
	var exit *CodeError
	switch explained := errors.As(err, &exit); {
	case explained && exit.Code != ExitDeadline, !explained && CodeOf(err) == ExitRefused:
		return err // it would have been so without a deadline
	case !explained:
		err = fmt.Errorf("%w\nTo see how far it is: rdd status", err)
	}
	return &CodeError{Code: ExitDeadline, Err: fmt.Errorf("gave up after %s (--timeout): %w", f.Timeout, err)}
}
