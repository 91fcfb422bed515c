// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"errors"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/vm"
)

// TestExplainWithoutInstance: what does not exist cannot be started, only the App's is made so.
func TestExplainWithoutInstance(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for _, name := range []string{"XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "RDD_INSTANCE"} {
		t.Setenv(name, "")
	}
	cause := &vm.UnreachableError{Reason: errors.New("there is none"), Err: errors.New("there is none")}
	for _, tc := range []struct{ name, start, want string }{
		{"dev", "rdd limavm start dev", "to make and start it: rdd limavm create dev TEMPLATE --start"},
		{"rd", "rdd start", "to make and start it: rdd start"},
		{"rd", "rdd limavm start rd", "to make and start it: rdd start"},
	} {
		err := Explain(t.Context(), &session.Session{}, Options{Name: tc.name, Start: tc.start}, cause)
		if err == nil || !strings.HasSuffix(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %s", tc.start, err, tc.want)
		}
	}
}
