// SPDX-License-Identifier: Apache-2.0

package machine

// NetDevice is the id of the machine's network in QEMU.
const NetDevice = "net0"
