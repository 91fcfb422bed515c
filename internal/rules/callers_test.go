// SPDX-License-Identifier: Apache-2.0

package rules

import "testing"

// TestCallers checks the user names. They are visible in audit logs and in managed fields.
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
