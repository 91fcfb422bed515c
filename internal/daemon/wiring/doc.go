// SPDX-License-Identifier: Apache-2.0

// Package wiring builds the parts of a daemon from values: the engines, and the controllers with
// their admission rules. It reads no environment and no saved arguments; which controllers are
// enabled is one of the values.
//
// What it builds is tested by the scripts of internal/cli and in test/integration, and with real
// guests by test/e2e.
package wiring
