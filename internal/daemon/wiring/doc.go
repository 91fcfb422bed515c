// SPDX-License-Identifier: Apache-2.0

// Package wiring builds what a daemon drives from values: the engines of the product, and the
// controllers with their admission rules. It reads no environment and no saved arguments, and
// decides nothing: what is enabled is one of the values.
package wiring
