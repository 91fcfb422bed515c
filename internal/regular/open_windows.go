// SPDX-License-Identifier: Apache-2.0

package regular

// Windows has no FIFOs in its file systems.
const nonBlocking = 0
