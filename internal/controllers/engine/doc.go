// SPDX-License-Identifier: Apache-2.0

// Package engine is the container engine controller. It has the App's container engine tested in
// each start of the machine: a smoke test runs a container. The result is the condition
// ContainerEngineReady and status.containerEngine of the App.
//
// The work is done in the background by a Monitor (package containers), which wakes the reconciler
// after changes. The controller decides which container engine in which start of the machine is
// followed, and reports the Monitor's state.
//
// The Monitor keeps its state in memory. What an earlier daemon has reported about the same start
// of the machine holds until the first smoke test of this daemon ends.
//
// Status and Events are tested by tables in this package. The controller is tested with a fake
// Monitor in test/integration and test/faults.
package engine
