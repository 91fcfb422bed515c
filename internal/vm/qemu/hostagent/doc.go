// SPDX-License-Identifier: Apache-2.0

// Package hostagent is the process behind one virtual machine. It starts QEMU (or adopts one that
// lost its hostagent), follows the guest until it is ready, forwards sockets, reports what happens,
// and ends the machine when it is told to.
//
// It belongs to nobody: neither the daemon's death nor a request's end touches it. Its identity is
// the lock ha.lock; QEMU holds qemu.lock, so that whoever comes next knows what lives without
// trusting a PID.
//
//	QEMU alive, this process starts   → adopt: connect, log in, forward; no reboot
//	QEMU not alive                    → boot
//	QEMU ends, or has been told to    → write down why, end
//	this process is killed            → QEMU goes on; the engine starts another hostagent
//
// What it does is tested beside the engine that starts it, in internal/vm/qemu: kill_test.go
// (deaths of the processes at any moment), failure_test.go, forward_test.go, handover_test.go.
// There a test's program is the hostagent and QEMU.
package hostagent
