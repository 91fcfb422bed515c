// SPDX-License-Identifier: Apache-2.0

// Package containers knows whether the container engine in a machine works: Docker by its socket on
// the host, containerd by ctr in the guest. In this package an engine is a container engine.
//
// A Monitor follows one container engine. It connects, listens to the engine's events, and passes a
// smoke test: it runs a container of an image that rdd carries (package smokeimage), which needs no
// network. The end of the event stream is how it learns at once that the engine is gone; a ping now
// and then finds one that hangs. Then it connects and tests again. While that takes no longer than
// a moment the engine counts as connected: a restarted engine is no news. The Monitor never gives
// up.
package containers
