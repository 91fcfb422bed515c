// SPDX-License-Identifier: Apache-2.0

// Package service holds the commands of an instance's control plane (rdd service …): create and
// delete it, start and stop its daemon, print its files and its log, and restore a backup of its
// store.
//
// The daemon's own code comes as an argument (Serve), so that this package does not link it.
//
// It is tested by the scripts service* of internal/cli.
package service
