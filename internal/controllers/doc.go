// SPDX-License-Identifier: Apache-2.0

// Package controllers is the explicit list of rdd's controllers. Each is a package below it; they
// never import each other. Package daemon/wiring builds them.
package controllers
