// SPDX-License-Identifier: Apache-2.0

package machine

import "testing"

func TestLaunched(t *testing.T) {
	args := []string{"qemu-system-x86_64", "-accel", "tcg,thread=multi", "-netdev", "user,id=net0,hostfwd=tcp:127.0.0.1:2222-:22"}
	if port, accelerator := Launched(args); port != 2222 || accelerator != TCG {
		t.Errorf("got %d, %q", port, accelerator)
	}
	if port, accelerator := Launched([]string{"-accel"}); port != 0 || accelerator != "" {
		t.Errorf("of nothing: %d, %q", port, accelerator)
	}
}
