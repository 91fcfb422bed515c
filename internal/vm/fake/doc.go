// SPDX-License-Identifier: Apache-2.0

// Package fake is an in-memory vm.Engine for tests. It behaves like the real engines, and all of
// them pass vmtest. But its background work advances only when World.Advance is called (World.Run
// does so at an interval), its calls are recorded, and any call or any background work can be made
// to fail.
//
// A World stands for the host: instance directories, hostagents and guests. An Engine stands for
// the part of the daemon that drives it. World.Open makes a new Engine as a restarted daemon would:
// what the world holds is kept, booting and stopping machines carry on (their hostagents outlive a
// daemon), and the work that went on inside the daemon, creating and deleting, is dropped half-way.
//
// It has some of the abilities: it runs commands in guests (World.SetGuest), reads directories and
// adopts.
package fake
