// SPDX-License-Identifier: Apache-2.0

package session

import "os"

// SignalError is the cause of a context that ended because this process got a signal.
type SignalError struct{ Signal os.Signal }

// Error implements error.
func (e *SignalError) Error() string { return e.Signal.String() + " signal received" }
