// SPDX-License-Identifier: Apache-2.0

package hostconfig

import "io/fs"

// names is one: on Windows there is no test of files with several.
func names(fs.FileInfo) int { return 1 }
