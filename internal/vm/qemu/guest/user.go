// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"regexp"

	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

const (
	fallbackName = "rdd"
	// homeSuffix makes the guest user's home differ from the host user's, which may be mounted at its
	// own path. Lima has it too.
	homeSuffix = ".guest"
	// The range of ordinary users' uids on Debian; others are the system's.
	firstUID, lastUID = 1000, 59999
)

// userPattern is what useradd accepts everywhere.
var userPattern = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,30}$`)

// User returns the guest's user for a host user: of the same name and uid where the guest
// can have such a user, else called rdd, with uid 1000.
func User(name string, uid int) vmdir.User {
	if uid == 0 || !userPattern.MatchString(name) {
		name = fallbackName
	}
	if uid < firstUID || uid > lastUID {
		uid = firstUID
	}
	return vmdir.User{Name: name, UID: uid, Home: "/home/" + name + homeSuffix}
}
