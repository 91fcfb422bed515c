// SPDX-License-Identifier: Apache-2.0

// Package controllers is the explicit list of rdd's controllers. The names are literal, so what
// --controllers enables is known before anything is built. Each controller is a package below this
// one, and never imports another one. Package daemon/wiring builds them.
//
// The controllers are tested in their packages, and together in test/integration and test/faults.
package controllers
