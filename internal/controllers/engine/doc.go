// SPDX-License-Identifier: Apache-2.0

// Package engine is the container engine controller: it has the App's engine proven in each run of
// its machine, by running a container, and says in ContainerEngineReady what came of it.
//
// The work is done beside it by a Monitor, which wakes it when something has changed. The controller only
// decides which engine of which run is to be looked after, and reports. What the
// Monitor knows is of this daemon; what an earlier one has proven of the same run stands until it is proven again or fails.
package engine
