// SPDX-License-Identifier: Apache-2.0

// Package limavm is the LimaVM controller. It makes a virtual machine on this host what its LimaVM
// says, through a vm.Engine, and reports what it observes.
//
// The state of the instance is always read from the engine, never from the last status. A daemon
// that is killed at any line continues from the real state. Long work runs inside the engine, which
// wakes the reconciler on progress.
//
// A machine that has lost its hostagent is adopted in the background, beside the reconciler: see
// adoptMachines.
//
// Status, failures, Events and admission are tested by tables in this package. The whole life of a
// LimaVM is tested in test/integration on the real API server, and in test/faults with each call
// failing.
package limavm
