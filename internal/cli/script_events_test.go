// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdWaitEvent waits for an Event with a reason.
func cmdWaitEvent(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitevent REASON")
	}
	until(ts, func() bool {
		ts.Check(ts.Exec("rdd", "ctl", "get", "events", "-A", "-o", "jsonpath={.items[*].reason}"))
		return strings.Contains(ts.ReadFile("stdout"), args[0])
	}, func() string { return "there is no Event " + args[0] })
}
