// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"reflect"
	"testing"
)

func TestGuestCommand(t *testing.T) {
	for _, tt := range []struct {
		args []string
		line string
		each []string
	}{
		{nil, "", nil},
		{[]string{"cd /tmp && ls"}, "cd /tmp && ls", nil},
		{[]string{"echo", "a  b"}, "", []string{"echo", "a  b"}},
	} {
		if got := guestCommand(tt.args); got.Line != tt.line || !reflect.DeepEqual(got.Args, tt.each) {
			t.Errorf("%q gives line %q and args %q", tt.args, got.Line, got.Args)
		}
	}
}
