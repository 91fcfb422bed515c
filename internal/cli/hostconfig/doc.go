// SPDX-License-Identifier: Apache-2.0

// Package hostconfig holds the commands of what rdd changes on the host for docker (rdd integration
// …).
//
// It is tested by the script integration of internal/cli.
package hostconfig
