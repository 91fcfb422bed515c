// SPDX-License-Identifier: Apache-2.0

// Package containers knows whether the container engine in a machine works: Docker by its socket on the
// host, containerd by ctr in the guest.
//
// A Monitor follows one engine. It connects, listens to the engine's events, and proves that it works by running a container of
// an image that rdd carries (package proofimage), which needs no network. The end of the event stream is how it learns at
// once that the engine is gone; a ping now and then finds one that hangs. Then it connects and proves again. While that takes no longer than
// a moment the engine counts as connected: a restarted engine is no news. The Monitor never gives up.
package containers
