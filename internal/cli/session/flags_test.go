// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestExplain(t *testing.T) {
	passed, cancel := context.WithTimeout(t.Context(), -time.Second)
	defer cancel()
	waited := &CodeError{Code: ExitDeadline, Err: fmt.Errorf("%w while waiting for the VM to run\nIt goes on.", context.DeadlineExceeded)}
	raw := fmt.Errorf("changing the App: client rate limiter Wait returned an error: %w", context.DeadlineExceeded)
	refused := apierrors.NewForbidden(schema.GroupResource{}, "app", errors.New("no"))
	for _, tc := range []struct {
		name string
		ctx  context.Context
		err  error
		code int
		want string
	}{
		{"a wait", passed, waited, ExitDeadline,
			"gave up after 5m0s (--timeout): context deadline exceeded while waiting for the VM to run\nIt goes on."},
		{"a request", passed, raw, ExitDeadline, "gave up after 5m0s (--timeout): " + raw.Error() + "\nTo see how far it is: rdd status"},
		{"a refusal", passed, refused, ExitRefused, refused.Error()},
		{"another exit code", passed, &CodeError{Code: 7}, 7, "exit code 7"},
		{"in time", t.Context(), errors.New("no"), ExitError, "no"},
		{"a deadline of its own", t.Context(), raw, ExitDeadline, raw.Error()},
	} {
		err := (&WaitFlags{Timeout: 5 * time.Minute}).Explain(tc.ctx, tc.err)
		code := CodeOf(err)
		var exit *CodeError
		if errors.As(err, &exit) {
			code = exit.Code
		}
		if code != tc.code || err.Error() != tc.want || strings.Count(err.Error(), "gave up") > 1 {
			t.Errorf("%s: code %d, %q", tc.name, code, err)
		}
	}
	if err := (&WaitFlags{}).Explain(passed, nil); err != nil {
		t.Errorf("no error: got %v", err)
	}
}
