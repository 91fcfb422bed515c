// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"errors"
	"reflect"
	"testing"
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
	for cause, want := range map[string]int{"terminated signal received": 143, "interrupt signal received": 130, "context canceled": 130} {
		if got := exitOf(errors.New(cause)); got != want {
			t.Errorf("%s: %d, want %d", cause, got, want)
		}
	}
}
