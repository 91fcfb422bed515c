// SPDX-License-Identifier: Apache-2.0

// Package ctl is kubectl, which is linked into rdd: against the instance (rdd ctl …) or plain (rdd
// kubectl …, or a link named kubectl). rdd ctl has a command of its own, wait-condition.
//
// When kubectl fails, it mostly ends the process itself, with exit codes of its own.
//
// Parsing and conditions are tested here, the commands by the scripts ctl* and kubectl of
// internal/cli.
package ctl
