// SPDX-License-Identifier: Apache-2.0

//go:build race

package filecalls

// underRace says that the race detector is on. Its runtime makes calls of its own that hold up the
// garbage collector, and so the layer.
const underRace = true
