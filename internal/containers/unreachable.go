// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"context"
	"time"
)

// unreachableEngine stands for a container engine that this process has no means to reach. Every
// call fails with the reason, so that the follower reports it like any other failure.
type unreachableEngine struct{ reason error }

var _ engine = &unreachableEngine{}

func (*unreachableEngine) describe() (title, hint string) {
	return "the container engine", "rdd service logs"
}
func (*unreachableEngine) pingIntervalFactor() time.Duration { return 1 }
func (*unreachableEngine) close()                            {}

func (u *unreachableEngine) version(context.Context) (string, error)     { return "", u.reason }
func (u *unreachableEngine) ping(context.Context) error                  { return u.reason }
func (u *unreachableEngine) listen(context.Context, func()) error        { return u.reason }
func (u *unreachableEngine) leftovers(context.Context) ([]string, error) { return nil, u.reason }
func (u *unreachableEngine) remove(context.Context, string) error        { return u.reason }
func (u *unreachableEngine) hasImage(context.Context) (bool, error)      { return false, u.reason }
func (u *unreachableEngine) load(context.Context) error                  { return u.reason }
func (u *unreachableEngine) run(context.Context, string) (int, string, error) {
	return 0, "", u.reason
}
