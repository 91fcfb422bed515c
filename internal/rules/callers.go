// SPDX-License-Identifier: Apache-2.0

package rules

import "strings"

// The user names of rdd's callers. All of them are authorized for everything. Admission rules
// distinguish them by name, never by group.
const (
	// UserName is the user name of the holder of the instance's token: the person at the machine.
	UserName = "rdd:user"
	// SystemPrefix is the prefix of the user names of rdd's own components.
	SystemPrefix = "system:rdd:"
	// DaemonName is the user name of the daemon, which owns rdd's CustomResourceDefinitions.
	DaemonName = SystemPrefix + "daemon"
	// NamespaceControllerName is the user name of the controller that empties deleted namespaces.
	NamespaceControllerName = SystemPrefix + "namespace-controller"

	controllerPrefix = SystemPrefix + "controller:"
)

// ControllerName returns a controller's user name. kind is the kind that it reconciles, or its own
// name; case does not matter.
func ControllerName(kind string) string { return controllerPrefix + strings.ToLower(kind) }
