// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime/pkg/client"

	"rancherdesktop.io/rdd/internal/client"
)

// fieldOwner of what the commands write.
const fieldOwner = ctrl.FieldOwner("rdd")

// requestTimeout bounds single requests that are not bound by --timeout.
const requestTimeout = 30 * time.Second

// connect returns a client of the instance's API; the daemon is started when it is not running.
func (r *root) connect(ctx context.Context) (*client.Client, error) {
	inst, err := r.instance()
	if err != nil {
		return nil, err
	}
	return client.Connect(ctx, inst, client.Options{Build: r.build})
}

// reconnect finds a daemon that is running; it does not start one.
func (r *root) reconnect(ctx context.Context) (ctrl.WithWatch, error) {
	return r.find(ctx, client.Options{Build: r.build, NoStart: true})
}

// peek finds a daemon that is running, of whichever version: it neither starts nor restarts one.
func (r *root) peek(ctx context.Context) (ctrl.WithWatch, error) {
	return r.find(ctx, client.Options{NoStart: true})
}

func (r *root) find(ctx context.Context, options client.Options) (ctrl.WithWatch, error) {
	inst, err := r.instance()
	if err != nil {
		return nil, err
	}
	c, err := client.Connect(ctx, inst, options)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// follower follows the object of list's kind that key names.
func (r *root) follower(c ctrl.WithWatch, list ctrl.ObjectList, key ctrl.ObjectKey) *follower {
	return &follower{client: c, reconnect: r.reconnect, list: list, key: key}
}

// waitFlags are --wait and --timeout.
type waitFlags struct {
	wait    bool
	timeout time.Duration
}

func addWait(cmd *cobra.Command, timeout time.Duration) *waitFlags {
	f := &waitFlags{}
	cmd.Flags().BoolVar(&f.wait, "wait", true, "wait until it is so; --wait=false returns once it is asked for")
	addTimeout(cmd, &f.timeout, timeout)
	return f
}

func addTimeout(cmd *cobra.Command, into *time.Duration, timeout time.Duration) {
	cmd.Flags().DurationVar(into, "timeout", timeout, "how long to wait, with a unit: 90s, 10m; 0 waits without end")
}

// withWait gives cmd the flags of waiting, and has it run do with a context that they bound.
func withWait(cmd *cobra.Command, timeout time.Duration, do func(ctx context.Context, args []string, wait bool) error) *cobra.Command {
	flags := addWait(cmd, timeout)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, cancel, err := flags.bound(cmd.Context())
		if err != nil {
			return err
		}
		defer cancel()
		return do(ctx, args, flags.wait)
	}
	return cmd
}

// bound gives ctx the deadline that --timeout asks for.
func (f *waitFlags) bound(ctx context.Context) (context.Context, context.CancelFunc, error) {
	if f.timeout < 0 {
		return nil, nil, fmt.Errorf("--timeout must not be negative; got %s", f.timeout)
	}
	if f.timeout == 0 {
		ctx, cancel := context.WithCancel(ctx)
		return ctx, cancel, nil
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	return ctx, cancel, nil
}

// codeOf gives the exit code for an error that carries none itself.
func codeOf(err error) int {
	var newer *client.NewerError
	switch {
	case errors.As(err, &newer):
		return ExitNewer
	case apierrors.IsForbidden(err) || apierrors.IsInvalid(err):
		return ExitRefused
	case errors.Is(err, context.DeadlineExceeded):
		return ExitDeadline
	default:
		return ExitError
	}
}
