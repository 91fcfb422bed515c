// SPDX-License-Identifier: Apache-2.0

// Package image holds the commands of the guest images' cache (rdd image …). The cache is shared by
// all instances and used without a daemon.
//
// It is tested by the script image of internal/cli.
package image
