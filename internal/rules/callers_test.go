// SPDX-License-Identifier: Apache-2.0

package rules

import "testing"

// TestCallers: the names are part of what others see, in audits and in the fields that a caller
// manages.
func TestCallers(t *testing.T) {
	for got, want := range map[string]string{
		UserName: "rdd:user", DaemonName: "system:rdd:daemon", NamespaceControllerName: "system:rdd:namespace-controller",
		ControllerName("LimaVM"): "system:rdd:controller:limavm", ControllerName("app"): "system:rdd:controller:app",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
