// SPDX-License-Identifier: Apache-2.0

package image

import (
	"io/fs"
	"path/filepath"
)

// usage returns the space that the files below dir take, in bytes, and how much of that becomes
// free when they are removed: not what has other names, such as the disks of machines. What cannot
// be read counts as nothing.
func usage(dir string) (takes, frees int64) {
	_ = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return nil //nolint:nilerr // removed meanwhile
		}
		size, linked := stored(info)
		takes += size
		if !linked {
			frees += size
		}
		return nil
	})
	return takes, frees
}
