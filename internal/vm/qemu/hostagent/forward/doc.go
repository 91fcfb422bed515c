// SPDX-License-Identifier: Apache-2.0

// Package forward forwards ports and sockets of a guest to the host, for as long as something
// listens on them in the guest.
//
// A small loop in the guest (WatchCommand) reports what listens there, over one ssh session that
// lasts. A Manager applies the template's rules to the reports, and opens and closes the host's
// ends. TCP and Unix sockets are listened on here and forwarded through the guest's ssh; UDP is
// forwarded by QEMU. What cannot be opened is reported with the reason and tried again. TCP
// forwards end with this process. Those for UDP are in QEMU, and the next hostagent reads them back
// from it.
//
// QEMU reaches the guest's own address only. For a UDP port on the guest's loopback the guest
// redirects the packets, by iptables (loopback.sh).
//
// The scripts that run in guests are run on this host by the tests; ports of a real guest are
// tested in test/e2e.
package forward
