// SPDX-License-Identifier: Apache-2.0

// Package hostconfig holds the commands that show and undo what rdd changes on the host for docker
// (rdd integration …). The changes themselves are in internal/hostconfig.
//
// It is tested by the script integration of internal/cli.
package hostconfig
