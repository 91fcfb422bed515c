// SPDX-License-Identifier: Apache-2.0

package session

import "time"

// Default timeouts.
const (
	// StartTimeout bounds what may start or restart a VM, by whichever command. A first start builds
	// the guest's image and boots, perhaps under emulation.
	StartTimeout = 20 * time.Minute
	// ChangeTimeout bounds what only ends VMs.
	ChangeTimeout = 5 * time.Minute
	// ServiceTimeout bounds starting and stopping the daemon.
	ServiceTimeout = 90 * time.Second
	// RequestTimeout bounds single requests that no --timeout bounds.
	RequestTimeout = 30 * time.Second
	// CompletionTimeout bounds the requests of one completion.
	CompletionTimeout = 2 * time.Second
)
