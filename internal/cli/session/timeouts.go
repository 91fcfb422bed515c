// SPDX-License-Identifier: Apache-2.0

package session

import "time"

// Deadlines by default. A first start builds the guest's image and boots, under emulation if need
// be.
const (
	StartTimeout  = 20 * time.Minute
	ChangeTimeout = 5 * time.Minute
	// ServiceTimeout bounds starting and stopping the daemon.
	ServiceTimeout = 90 * time.Second
	// RequestTimeout bounds single requests that no --timeout bounds.
	RequestTimeout = 30 * time.Second
	// CompletionTimeout bounds what a press of the tab key asks.
	CompletionTimeout = 2 * time.Second
)
