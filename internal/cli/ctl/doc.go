// SPDX-License-Identifier: Apache-2.0

// Package ctl is kubectl, which is linked into rdd: against the instance (rdd ctl …) or plain (rdd
// kubectl …, or a link named kubectl). rdd ctl has a command of its own, wait-condition.
//
// kubectl ends the process itself in most cases of failure, with exit codes of its own. It is
// tested by the scripts ctl* and kubectl of internal/cli as well.
package ctl
