// SPDX-License-Identifier: Apache-2.0

package controllers

// Names returns the names of all controllers, as --controllers has them. A controller comes before
// those whose status it aggregates. The order is also that of their admission rules: the App's
// rules come first.
func Names() []string { return []string{"app", "engine", "limavm", "hostinfo", "integration"} }
