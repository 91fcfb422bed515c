// SPDX-License-Identifier: Apache-2.0

package atomicfile

// nonblocking is not needed: files of Windows do not block.
const nonblocking = 0
