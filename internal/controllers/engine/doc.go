// SPDX-License-Identifier: Apache-2.0

// Package engine is the container engine controller: it has the App's container engine pass a smoke
// test in each run of its machine, which runs a container, and says in ContainerEngineReady what
// came of it.
//
// The work is done beside it by a Monitor, which wakes it when something has changed. The
// controller only decides which container engine of which run is followed, and reports. What the
// Monitor knows is of this daemon. What an earlier daemon has found out about the same run holds
// until the next smoke test ends.
package engine
