// SPDX-License-Identifier: Apache-2.0

// Package limavm holds the commands of any virtual machine (rdd limavm …). A NAME is looked up over
// all namespaces. Templates are files, URLs or ConfigMaps; a file or URL is merged with what it is
// based on and stored in a ConfigMap.
//
// logs, adopt and delete --unclaimed also read the instance directories of this machine.
//
// Templates, the editor and tables are tested here. Commands are tested by the scripts limavm* of
// internal/cli, and with a real guest by test/e2e.
package limavm
