// SPDX-License-Identifier: Apache-2.0

// Package forward makes what listens in a guest reachable on the host, for as long as it listens.
//
// A small loop in the guest (WatchCommand) reports what listens there, over one ssh session that
// lasts. A Manager asks the template's rules where each port belongs, and opens and closes the
// host's ends: TCP and Unix sockets are listened on here and led through the guest's ssh, UDP is
// QEMU's to forward. What cannot be opened is kept with the reason and tried again. TCP forwards
// end with this process; those for UDP live in QEMU, and are read back from it.
package forward
