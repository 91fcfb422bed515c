// SPDX-License-Identifier: Apache-2.0

// Package fake is an in-memory vm.Engine for tests: it behaves like the real
// engines (both pass vmtest) but its background work moves only on request, its calls are
// recorded, and any call or any background work can be made to fail.
//
// A World stands for the host: instance directories, hostagents and guests. An
// Engine stands for the part of the daemon that drives it. World.Open makes a new
// Engine as a restarted daemon would: what the world holds is kept, booting and
// stopping machines carry on (their hostagents outlive a daemon), and the work that
// went on inside the daemon, creating and deleting, is dropped half-way.
package fake
