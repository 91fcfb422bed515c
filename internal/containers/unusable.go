// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"context"
	"time"
)

// unusable stands for a container engine that cannot be reached by any means: every call fails with
// the reason.
type unusable struct{ reason error }

var _ engine = &unusable{}

func (*unusable) describe() (title, hint string) { return "the container engine", "rdd service logs" }
func (*unusable) pingFactor() time.Duration      { return 1 }
func (*unusable) close()                         {}

func (u *unusable) version(context.Context) (string, error)     { return "", u.reason }
func (u *unusable) ping(context.Context) error                  { return u.reason }
func (u *unusable) listen(context.Context, func()) error        { return u.reason }
func (u *unusable) leftovers(context.Context) ([]string, error) { return nil, u.reason }
func (u *unusable) remove(context.Context, string) error        { return u.reason }
func (u *unusable) hasImage(context.Context) (bool, error)      { return false, u.reason }
func (u *unusable) load(context.Context) error                  { return u.reason }
func (u *unusable) run(context.Context, string) (int, string, error) {
	return 0, "", u.reason
}
