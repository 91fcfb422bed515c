// SPDX-License-Identifier: Apache-2.0

// Package hostagent is the process that supervises one virtual machine. It starts QEMU (or adopts
// one that lost its hostagent), waits until the guest is ready, forwards ports and sockets, records
// and publishes the machine's state, and stops the machine on request.
//
// It does not end with the daemon that started it, nor with any request. Its identity is the lock
// ha.lock. QEMU holds qemu.lock, so that the next hostagent knows what is alive without trusting a
// PID.
//
//	QEMU alive, this process starts   → adopt: connect, log in, forward; no reboot
//	QEMU not alive                    → boot
//	QEMU ends, or is asked to end     → record why, end
//	this process is killed            → QEMU goes on; the engine starts another hostagent
//
// What it does is tested beside the engine that starts it, in internal/vm/qemu: kill_test.go
// (processes that are killed at any time), failure_test.go, forward_test.go, handover_test.go.
// There the test binary is the hostagent and a stand-in for QEMU. Real guests are in test/e2e.
// Beside this package are tests of its pure functions.
package hostagent
