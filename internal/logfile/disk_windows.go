// SPDX-License-Identifier: Apache-2.0

package logfile

import "io/fs"

// onDisk returns how many bytes a file takes.
func onDisk(info fs.FileInfo) int64 { return info.Size() }
