// SPDX-License-Identifier: Apache-2.0

package controllers

// Names returns the names of all controllers, as --controllers has them. A controller comes before
// those whose status it aggregates. The order is also that of their admission rules: the App's
// rules come first.
func Names() []string { return []string{"app", "engine", "limavm", "hostinfo", "integration"} }

// Groups returns the names of the controllers by the API group that they serve, without the domain
// that all groups share. Each controller is in one group.
func Groups() map[string][]string {
	return map[string][]string{
		"app":        {"app"},
		"containers": {"engine"},
		"lima":       {"limavm"},
		"rdd":        {"hostinfo", "integration"},
	}
}
