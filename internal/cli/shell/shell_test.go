// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"syscall"
	"testing"

	"rancherdesktop.io/rdd/internal/cli/session"
)

func TestGuestEnvironment(t *testing.T) {
	for _, tt := range []struct{ env, want map[string]string }{
		{map[string]string{}, map[string]string{}},
		{map[string]string{"LANG": "de_DE.UTF-8"}, map[string]string{"LANG": "C.UTF-8"}},
		{map[string]string{"LANG": "C.utf8"}, map[string]string{"LANG": "C.UTF-8"}},
		{map[string]string{"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, map[string]string{}},
		{map[string]string{"LANG": "de_DE.ISO-8859-1", "LC_CTYPE": "en_US.UTF-8"}, map[string]string{"LANG": "C.UTF-8"}},
		{map[string]string{"COLORTERM": "truecolor", "SECRET": "x"}, map[string]string{"COLORTERM": "truecolor"}},
	} {
		if got := guestEnvironment(func(name string) string { return tt.env[name] }); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%v gives %v, want %v", tt.env, got, tt.want)
		}
	}
}

func TestExitOf(t *testing.T) {
	for _, tt := range []struct {
		cause error
		want  int
	}{
		{&session.SignalError{Signal: syscall.SIGTERM}, 143},
		{&session.SignalError{Signal: os.Interrupt}, 130},
		{fmt.Errorf("while it ran: %w", &session.SignalError{Signal: syscall.SIGTERM}), 143},
		{errors.New("terminated signal received"), 130}, // whatever somebody else calls it
		{context.Canceled, 130},
		{nil, 130},
	} {
		if got := exitOf(tt.cause); got != tt.want {
			t.Errorf("%v: %d, want %d", tt.cause, got, tt.want)
		}
	}
}
