// SPDX-License-Identifier: Apache-2.0

package disks

import "os"

// allocated is the size of a file, in bytes.
func allocated(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
