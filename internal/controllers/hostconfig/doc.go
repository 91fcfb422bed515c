// SPDX-License-Identifier: Apache-2.0

// Package hostconfig is the controller of the host settings by which docker on the host finds the
// App's container engine. It applies them while there is an App whose container engine is Docker,
// and removes them when the App is deleted or has another container engine. `--controllers` calls
// it integration.
//
// It writes no resource: it reads the App and applies the settings through package
// internal/hostconfig. A problem on the host is an Event on the App, and blocks nothing.
//
// The reconciler is tested in this package and, on the real API server, in test/integration.
package hostconfig
