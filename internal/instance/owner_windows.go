// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"io/fs"
	"os"
)

// owner is this user: Windows has no uids, and the profile's access list protects what is in it.
func owner(fs.FileInfo) int { return os.Geteuid() }
