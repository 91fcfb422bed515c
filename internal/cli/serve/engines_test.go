// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"os"
	"os/user"
	"testing"
)

// TestHostUser: the name is missing at most, for a user whom the system does not know.
func TestHostUser(t *testing.T) {
	t.Setenv("HOME", "/home/somewhere")
	t.Setenv("USER", "")
	u, err := hostUser()
	if err != nil || u.UID != os.Getuid() || u.Home != "/home/somewhere" {
		t.Errorf("got %+v, %v", u, err)
	}
	if current, err := user.Current(); err == nil && u.Name != current.Username {
		t.Errorf("got %q", u.Name)
	}
}
