// SPDX-License-Identifier: Apache-2.0

package rules

import "strings"

// The callers that rdd knows by name. Each may do everything that admission allows: rules tell them
// apart by name, never by group.
const (
	// UserName is who holds the instance's token: the person at the machine.
	UserName = "rdd:user"
	// SystemPrefix begins the names of rdd's own parts.
	SystemPrefix = "system:rdd:"
	// DaemonName is the daemon, which owns rdd's CustomResourceDefinitions.
	DaemonName = SystemPrefix + "daemon"
	// NamespaceControllerName empties deleted namespaces.
	NamespaceControllerName = SystemPrefix + "namespace-controller"

	controllerPrefix = SystemPrefix + "controller:"
)

// ControllerName is the caller's name of the controller of a kind, or of a controller's own name.
func ControllerName(kind string) string { return controllerPrefix + strings.ToLower(kind) }
