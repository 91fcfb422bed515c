// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package process

// Namespace is empty: there are no PID namespaces on this platform.
func Namespace() string { return "" }
